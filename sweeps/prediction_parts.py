"""Pictures of predictions for a report: which runs of which settings are shown."""

from collections.abc import Sequence, Set
from pathlib import Path

from ablations.errors import InputError
from ablations.run_config import RunConfig
from ablations.run_folder import WEIGHTS
from reports.comparison import Comparison
from reports.page import Heading, Part, Picture, Text
from reports.predictions import Rule
from reports.section import describe
from sweeps.predictions import pair_of, picture_by_rules, run_name

RULES: tuple[Rule, ...] = ("worst", "median")
COUNT = 3  # images of a rule
MOST_SETTINGS = 3  # with a picture


def prediction_parts(
    folder: Path, compared: Sequence[Comparison], data_folder: Path | None = None
) -> list[Part]:
    """One picture for each of the first settings that kept the weights it takes.

    Shown are the smallest seed with weights of the baseline and of a block, and of its
    blocks the one with the highest mIoU over all seeds. Empty without such weights.
    """
    kept = {path.parent.name: path.parent for path in sorted(folder.rglob(WEIGHTS))}
    shown = compared if kept else []
    found = [(one, runs) for one in shown if (runs := shown_runs(one, kept.keys()))]
    parts: list[Part] = []
    for number, (comparison, (first, second)) in enumerate(found[:MOST_SETTINGS], start=1):
        name = f"predictions-{number}" if len(found) > 1 else "predictions"
        setting = describe(comparison.setting)
        try:
            pair = pair_of(kept[first.run_id], kept[second.run_id], data_folder)
            figure = picture_by_rules(pair, RULES, COUNT)
        except InputError as error:
            parts.append(Text(f"{setting}: no picture of predictions. {error}"))
            continue
        text = f"{setting}: {run_name(first)} and {run_name(second)}, the block with the "
        parts.append(Text(f"{text}highest mean mIoU of those whose weights are kept."))
        parts.append(Picture(name, f"predictions, {setting}", figure))
    if len(found) > MOST_SETTINGS:
        rest = f"Of {len(found)} settings with kept weights, the first {MOST_SETTINGS} are "
        parts.append(Text(f"{rest}shown; `ablate show-predictions` draws any two runs."))
    return [Heading("Predictions"), *parts] if parts else []


def shown_runs(
    comparison: Comparison, kept: Set[str]
) -> tuple[RunConfig, RunConfig] | None:
    """The baseline and the block that are shown for a setting, if weights allow it."""
    if not comparison.records:
        return None
    configs = [r.config for r in comparison.records if r.config.run_id in kept]
    miou = comparison.numbers.set_index("block")["miou"]
    named = comparison.runs.set_index("run_id")["block"]
    for seed in sorted({config.seed for config in configs}):
        of_seed = [config for config in configs if config.seed == seed]
        bases = [config for config in of_seed if config.block == "none"]
        blocks = [config for config in of_seed if config.block != "none"]
        if bases and blocks:
            return bases[0], max(blocks, key=lambda config: miou[named[config.run_id]])
    return None
