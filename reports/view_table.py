"""A view as a table: rows, columns, their average, and how often a row is best."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pandas import DataFrame, Series

from reports.page import Column, Table
from reports.units import count, label
from reports.view_cells import Cell, cells
from reports.view_metrics import METRICS, Metric
from reports.view_notes import (
    SUMMARY,
    TUNED,
    cell_notes,
    probe_notes,
    unstated,
    with_baselines,
)
from reports.view_runs import Run, Values, in_order
from reports.view_selection import Choice, chosen_runs
from reports.write.cells import shortened


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
    part = selected(runs, layout, metric)
    rest = [key for key in layout.others if key not in part.keys]
    found = cells(part.runs, metric, (layout.rows, layout.columns), rest, part.keys)
    grid = Grid(
        in_order(layout.rows, {row for row, _ in found}),
        in_order(layout.columns, {column for _, column in found}),
        found,
    )
    notes = [
        *part.notes,
        *unstated(part.runs, metric),
        *cell_notes([*found.values()], part.runs, rest),
        *([SUMMARY] if len(grid.columns) > 1 else []),
        *probe_notes(part.runs, layout.metric),
    ]
    title = ", ".join(filter(None, [group, title_of(layout, metric)]))
    how = f" ({part.caption})" if part.caption else ""
    return Table(*framed(grid, layout, metric), "", title + how, notes)


def selected(runs: Sequence[Run], layout: Layout, metric: Metric) -> Choice:
    """The runs that are shown, and how they were chosen if they were."""
    part = Choice([*runs], "", [], [])
    if layout.best_per:
        fixed = list(dict.fromkeys([*layout.keys, *layout.best_per]))
        part = chosen_runs(runs, fixed, layout.others)
    if not metric.paired:
        return part
    kept, alone = with_baselines(part.runs)
    tuned = [TUNED] if layout.best_per else []
    return part._replace(runs=kept, notes=[*part.notes, *tuned, *alone])


def title_of(layout: Layout, metric: Metric) -> str:
    """Which number, by which keys."""
    axes = [" and ".join(keys) for keys in (layout.rows, layout.columns) if keys]
    return f"{metric.header}: {' by '.join(axes)}"


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
