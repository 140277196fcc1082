"""What a report says about one setting of a probe."""

from collections.abc import Sequence

from reports.comparison import Comparison
from reports.completeness import LISTED, plural
from reports.counts import least_p
from reports.page import Items, Part, Picture, Strong, Text
from reports.probe_plot import strips
from reports.probe_tables import (
    SOLVED,
    is_probe,
    outcome_table,
    seed_table,
    seeds,
    solved_by_block,
)
from reports.probe_verdict import SPLITS, verdict
from reports.units import probability

HOW_TO_READ = (
    "Outcomes of a probe are all or nothing, so runs are counted. Information is 2 x "
    f"accuracy of the state - 1; a run with at least {SOLVED} has solved the probe. The "
    "95 % interval of the chance to solve it is Clopper and Pearson's. p is that of "
    "Fisher's exact test against the baseline, two-sided, which takes all runs for "
    "independent; p (Holm) is corrected for all blocks of the table. Steps until solved "
    "are those of the first validation at which the probe was solved, always on the "
    "validation split; a run that never was takes more than all its steps. Their median "
    "is the lower one of two. A mean mIoU over such outcomes describes no run; it is "
    "only for comparison with other tables."
)


def findings(compared: Sequence[Comparison], describe: Sequence[str]) -> list[Part]:
    """The verdict on each probe, for the top of a page; describe names the settings."""
    lines = [
        (name, verdict(one))
        for name, one in zip(describe, compared, strict=True)
        if is_probe(one)
    ]
    if len(lines) == 1 and len(compared) == 1:
        return [Text(lines[0][1])]
    items = [Text(Strong(f"{name}:"), f" {line}") for name, line in lines]
    return [Items(items[:LISTED])] if items else []


def probe_parts(comparison: Comparison, name: str) -> list[Part]:
    """Tables and the plot of one setting."""
    return [
        Text(protocol(comparison)),
        outcome_table(comparison, name),
        Text("Every run, by seed:"),
        seed_table(comparison, f"{name}-seeds"),
        Picture(f"{name}-runs", "information of every run", strips(comparison.records)),
    ]


def protocol(comparison: Comparison) -> str:
    """What was scored, and what so many runs can show."""
    scored = str(comparison.setting["score_on"])
    solved = solved_by_block(comparison.records)
    blocks = [counts for block, counts in solved.items() if block != "none"]
    line = f"Scores are those of the {SPLITS[scored]} split"
    if scored == "val":
        line += ", on which settings may have been chosen"
    number = plural(len(seeds(comparison.records)), "seed")
    line += f", after {comparison.setting['max_steps']:,} steps, with {number}."
    if not blocks:
        return line
    least = min(least_p(counts, solved["none"]) for counts in blocks)
    return f"{line} With so many runs p cannot be below {probability(least)}."
