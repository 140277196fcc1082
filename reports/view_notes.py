"""What a reader must know about the numbers of a view."""

from collections.abc import Sequence

from reports.completeness import plural
from reports.view_cells import Cell, number_of
from reports.view_metrics import Metric
from reports.view_runs import Run

TUNED = "The baseline is taken at its own best values as well."
SUMMARY = (
    "The average is over columns, of rows in which none is missing. Columns are counted by "
    "means alone: no difference is tested here."
)


def with_baselines(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """The blocks that have one; the baseline's own gain is nothing to show."""
    blocks = [run for run in runs if not run.is_baseline]
    kept = [run for run in blocks if run.baseline]
    lost = len(blocks) - len(kept)
    if not lost:
        return kept, []
    have, are = ("has", "is") if lost == 1 else ("have", "are")
    return kept, [
        f"{plural(lost, 'run')} {have} no baseline of the same seed, so no gain, and {are} "
        "left out."
    ]


def unstated(runs: Sequence[Run], metric: Metric) -> list[str]:
    number = len({id(run.record) for run in runs if number_of(run, metric) is None})
    if not number:
        return []
    verb = "states" if number == 1 else "state"
    return [f"{plural(number, 'run')} {verb} no such number, and no cell includes them."]


def cell_notes(
    found: Sequence[Cell], runs: Sequence[Run], rest: Sequence[str]
) -> list[str]:
    """How many seeds and settings are behind the cells."""
    if not found:
        return []
    lines = [seeds_note({number for one in found for number in one.seeds})]
    over = [key for key in rest if len({run.values.get(key) for run in runs}) > 1]
    most = max(one.settings for one in found)
    if most > 1:
        lines.append(
            f"They are averaged over {' and '.join(over)}: {most} settings, each with the "
            "same weight."
        )
    if fewer := sum(one.settings < most for one in found):
        lines.append(
            f"{fewer} of the {len(found)} cells average over fewer settings, so do not "
            "compare them with the others."
        )
    return lines


def seeds_note(seeds: set[int]) -> str:
    if max(seeds) == 1:
        return "Cells show one seed, so they have no spread."
    number = " to ".join(map(str, dict.fromkeys([min(seeds), max(seeds)])))
    return f"Cells are means over {number} seeds."


def probe_notes(runs: Sequence[Run], metric: str) -> list[str]:
    probe = any(run.record.information is not None for run in runs)
    if not probe or metric not in {"miou", "gain"}:
        return []
    return [
        "Outcomes of a probe are all or nothing, so a mean mIoU describes no run; the "
        "metric solved counts the runs that solve it."
    ]
