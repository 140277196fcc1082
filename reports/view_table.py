"""A view as a table: rows, columns, their average, and how often a row is best."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pandas import DataFrame, Series

from reports.completeness import plural
from reports.page import Column, Table
from reports.units import count, label
from reports.view_cells import Cell, cells, number_of
from reports.view_metrics import METRICS, Metric
from reports.view_runs import Run, Values, in_order
from reports.view_selection import chosen_runs
from reports.write.cells import shortened


TUNED = "The baseline is taken at its own best values as well."


class Layout(NamedTuple):
    """What a table shows, and the other keys in which settings differ."""

    rows: Sequence[str]
    columns: Sequence[str]
    groups: Sequence[str]
    metric: str
    others: Sequence[str]
    best_per: Sequence[str]

    @property
    def keys(self) -> list[str]:
        return [*self.groups, *self.rows, *self.columns]


class Grid(NamedTuple):
    """The cells, and the values of the keys of rows and columns in order."""

    rows: list[Values]
    columns: list[Values]
    cells: Mapping[tuple[Values, Values], Cell]

    def numbers(self, row: Values) -> list[float]:
        """One per column; NaN if missing."""
        found = [self.cells.get((row, column)) for column in self.columns]
        return [one.value if one else float("nan") for one in found]


def table_of(runs: Sequence[Run], layout: Layout, group: str = "") -> Table:
    """The runs of one group; group says in words which."""
    metric = METRICS[layout.metric]
    how, chosen, remarks = "", list[str](), list[str]()
    if layout.best_per:
        fixed = list(dict.fromkeys([*layout.keys, *layout.best_per]))
        choice = chosen_runs(runs, fixed, layout.others)
        runs, how, remarks, chosen = (
            choice.runs,
            choice.caption,
            choice.notes,
            [*choice.keys],
        )
    if metric.paired:
        runs, alone = with_baselines(runs)
        remarks = [*remarks, *alone, *([TUNED] if chosen else [])]
    rest = [key for key in layout.others if key not in chosen]
    found = cells(runs, metric, (layout.rows, layout.columns), rest, chosen)
    grid = Grid(
        in_order(layout.rows, {row for row, _ in found}),
        in_order(layout.columns, {column for _, column in found}),
        found,
    )
    numbers, columns = framed(grid, layout, metric)
    notes = [*remarks, *unstated(runs, metric), *cell_notes(grid, runs, rest)]
    notes += summary_notes(grid, layout) + probe_notes(runs, layout.metric)
    title = f"{metric.header}: {' and '.join(layout.rows)}"
    title += f" by {' and '.join(layout.columns)}" if layout.columns else ""
    parts = [group, title + (f" ({how})" if how else "")]
    return Table(numbers, columns, "", ", ".join(filter(None, parts)), notes)


def with_baselines(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """The blocks that have one; the baseline's own gain is nothing to show."""
    blocks = [run for run in runs if not run.is_baseline]
    kept = [run for run in blocks if run.baseline]
    if lost := len(blocks) - len(kept):
        verb = "has" if lost == 1 else "have"
        lost_runs = f"{plural(lost, 'run')} {verb} no baseline of the same seed"
        return kept, [
            f"{lost_runs}, so no gain, and {'is' if lost == 1 else 'are'} left out."
        ]
    return kept, []


def framed(grid: Grid, layout: Layout, metric: Metric) -> tuple[DataFrame, list[Column]]:
    """The frame and its columns. Columns of cells are named key=value, ...

    Beside each stand NAME: std, NAME: seeds (the fewest), NAME: settings and NAME: tip.
    """
    frame: dict[str, Any] = {}
    columns = []
    for number, key in enumerate(layout.rows):
        frame[key] = Series([row[number] for row in grid.rows], dtype=object)
        columns.append(Column(key, header_of(key), shown(key), "left"))
    for values in grid.columns:
        name = name_of(layout, values)
        frame |= cell_columns(name, [grid.cells.get((row, values)) for row in grid.rows])
        *before, last = (
            map(key_value, layout.columns, values) if values else [metric.header]
        )
        group = ", ".join(before)
        columns.append(Column(name, last, metric.show, group=group, tip=f"{name}: tip"))
    if len(grid.columns) > 1:
        summary, more = summaries(grid, layout, metric)
        frame, columns = frame | summary, [*columns, *more]
    return DataFrame(frame), columns


def name_of(layout: Layout, values: Values) -> str:
    pairs = zip(layout.columns, values, strict=True)
    return ", ".join(f"{key}={value}" for key, value in pairs) or layout.metric


def cell_columns(name: str, found: Sequence[Cell | None]) -> dict[str, list[Any]]:
    missing = float("nan")
    return {
        name: [one.value if one else missing for one in found],
        f"{name}: std": [one.spread if one else missing for one in found],
        f"{name}: seeds": [one.seeds[0] if one else 0 for one in found],
        f"{name}: settings": [one.settings if one else 0 for one in found],
        f"{name}: tip": [one.tip if one else "no run" for one in found],
    }


def summaries(
    grid: Grid, layout: Layout, metric: Metric
) -> tuple[dict[str, list[Any]], list[Column]]:
    """The average over columns, and in how many a row is best, or above the baseline."""
    numbers = [grid.numbers(row) for row in grid.rows]
    whole = len(grid.columns)
    known = [whole - int(np.isnan(row).sum()) for row in numbers]
    frame: dict[str, list[Any]] = {
        "average": [float(np.mean(row)) for row in numbers],  # NaN if a cell is missing
        "average: tip": [f"of {number} of {whole} columns" for number in known],
        "best_in": wins(numbers, metric),
    }
    columns = [Column("average", "Average", metric.show, tip="average: tip")]
    if len(grid.rows) > 1:
        columns.append(Column("best_in", f"Best (of {whole})", count))
    if "block" in layout.rows:
        frame["better_in"] = better(grid, layout, metric)
        header = f"Beats baseline (of {whole})"
        columns.append(Column("better_in", header, count))
    return frame, columns


def wins(numbers: Sequence[Sequence[float]], metric: Metric) -> list[int]:
    """The number of columns in which each row has the best number; ties count for each."""
    pick = np.fmax if metric.best == "highest" else np.fmin
    best = pick.reduce(np.asarray(numbers, dtype=float), axis=0)
    return [int(np.sum(np.asarray(row) == best)) for row in numbers]


def better(grid: Grid, layout: Layout, metric: Metric) -> list[float]:
    """The columns in which a row is better than that of the baseline; NaN for its own."""
    place = list(layout.rows).index("block")
    sign = 1 if metric.best == "highest" else -1
    counts = []
    for row in grid.rows:
        below = (*row[:place], "none", *row[place + 1 :])
        least = [0.0] * len(grid.columns) if metric.paired else grid.numbers(below)
        differences = sign * (np.asarray(grid.numbers(row)) - np.asarray(least))
        counts.append(float("nan") if row == below else float(np.sum(differences > 0)))
    return counts


def key_value(key: str, value: object) -> str:
    """A value as a header: names as they are, anything else with its key."""
    if key == "block":
        return label(str(value))
    if isinstance(value, str) and value != "none":
        return shortened(value)
    return f"{key} {text_of(value)}"


def header_of(key: str) -> str:
    return key if key == "lr" else key.replace("_", " ").capitalize()


def shown(key: str) -> Any:
    """How the values of a key are shown in rows."""
    return (lambda value: label(str(value))) if key == "block" else text_of


def text_of(value: object) -> str:
    return "none" if value is None else shortened(str(value))


def unstated(runs: Sequence[Run], metric: Metric) -> list[str]:
    number = sum(number_of(run, metric) is None for run in runs)
    if not number:
        return []
    verb = "states" if number == 1 else "state"
    return [f"{plural(number, 'run')} {verb} no such number, and no cell includes them."]


def cell_notes(grid: Grid, runs: Sequence[Run], rest: Sequence[str]) -> list[str]:
    """How many seeds and settings are behind the cells."""
    found = [*grid.cells.values()]
    if not found:
        return []
    seeds = {number for one in found for number in one.seeds}
    several = max(seeds) > 1
    number = " to ".join(map(str, dict.fromkeys([min(seeds), max(seeds)])))
    lines = [f"Cells are means over {number} seed{'s' if several else ''}"]
    lines[0] += "." if several else ", so they have no spread."
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


def summary_notes(grid: Grid, layout: Layout) -> list[str]:
    if len(grid.columns) < 2:
        return []
    note = "The average is over columns, of rows in which none is missing. "
    note += "Columns are counted by means alone: no difference is tested here."
    return [note]


def probe_notes(runs: Sequence[Run], metric: str) -> list[str]:
    probe = any(run.record.information is not None for run in runs)
    if not probe or metric not in {"miou", "gain"}:
        return []
    return [
        "Outcomes of a probe are all or nothing, so a mean mIoU describes no run; the "
        "metric solved counts the runs that solve it."
    ]
