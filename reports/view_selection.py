"""The best value of a key for each block: chosen on validation, and labelled as chosen."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ablations.errors import InputError
from ablations.timings import OF_BLOCKS
from reports.view_metrics import validation_miou
from reports.view_runs import Run, Values, in_order

# Keys that are never chosen: the task, what is scored of it, and the bare network.
KEPT = {
    "dataset", "val_images", "score_on", "image_size", "inference", "test_augmentation",
    "model", "encoder", "encoder_weights", "source",
}  # fmt: skip


class Choice(NamedTuple):
    """The runs of the chosen values, and a sentence for the caption."""

    runs: list[Run]
    caption: str
    notes: list[str]
    keys: Sequence[str]  # that were chosen


def to_choose(others: Iterable[str], fixed: Iterable[str]) -> list[str]:
    """The keys whose best values are chosen."""
    return [key for key in others if key not in {*fixed, *KEPT, "block", "seed"}]


def chosen_runs(runs: Sequence[Run], fixed: Sequence[str], others: Sequence[str]) -> Choice:
    """For each combination of the fixed keys, the runs with the best values of the others.

    A block and the baseline are each taken at their own best, and then paired by seed.
    InputError if nothing can be chosen.
    """
    keys = to_choose(others, fixed)
    if not keys:
        raise InputError(
            f"best per {' and '.join(fixed)}: no other key varies that could be chosen"
        )
    fixed = [*fixed, *(key for key in others if key not in {*fixed, *keys, "seed"})]
    cases: dict[Values, dict[Values, list[Run]]] = {}
    for run in runs:
        case = cases.setdefault(run.at(fixed), {})
        case.setdefault(candidate(run, keys), []).append(run)
    best = {case: best_of(keys, found) for case, found in cases.items()}
    known = {case: values for case, values in best.items() if values is not None}
    kept = [run for case, values in known.items() for run in cases[case][values]]
    counts = {len(found) for found in cases.values()}
    return Choice(
        paired(kept, fixed),
        caption(keys, fixed, counts, runs),
        notes(counts, len(best) - len(known)),
        keys,
    )


def candidate(run: Run, keys: Sequence[str]) -> Values:
    """The values to choose from; the baseline's leave out what it does not use."""
    unused = OF_BLOCKS if run.is_baseline else ()
    return tuple(None if key in unused else run.values.get(key) for key in keys)


def best_of(keys: Sequence[str], found: Mapping[Values, Sequence[Run]]) -> Values | None:
    """The highest mean validation mIoU over seeds; of equal ones the first in order.

    None if it is unknown for all.
    """
    scores = {
        values: float(np.mean([validation_miou(run.record) for run in found[values]]))
        for values in in_order(keys, found)
    }
    known = {values: score for values, score in scores.items() if not np.isnan(score)}
    return max(known, key=known.__getitem__, default=None)


def paired(runs: Sequence[Run], fixed: Sequence[str]) -> list[Run]:
    """Each run with the baseline of its case and seed, at the baseline's own best."""
    keys = [key for key in fixed if key not in {"block", "init"}]
    baselines = {(run.at(keys), seed(run)): run.record for run in runs if run.is_baseline}
    return [run._replace(baseline=baselines.get((run.at(keys), seed(run)))) for run in runs]


def seed(run: Run) -> int:
    return run.record.config.seed


def caption(
    keys: Sequence[str], fixed: Sequence[str], counts: set[int], runs: Sequence[Run]
) -> str:
    number = " to ".join(map(str, dict.fromkeys([min(counts), max(counts)])))
    kind = "values" if len(keys) == 1 else "combinations"
    what = f"best of {number} {kind} of {' and '.join(keys)} per {' and '.join(fixed)}"
    splits = {run.record.config.score_on for run in runs}
    if splits == {"test"}:
        return f"{what}, chosen on the validation split, scored on the test split"
    scored = "chosen and scored on the validation split, which is optimistic"
    if splits == {"val"}:
        return f"{what}, {scored}"
    return f"{what}, chosen on the validation split; of runs with score_on val, {scored}"


def notes(counts: set[int], unknown: int) -> list[str]:
    lines = []
    if min(counts) < max(counts):
        lines.append(
            f"Some had {min(counts)} values to choose from and others {max(counts)}; more "
            "values are an advantage."
        )
    if unknown:
        lines.append(
            f"For {unknown} nothing could be chosen, since their runs state no validation "
            "mIoU; they are left out."
        )
    return lines
