"""Gains over the baseline with their intervals: a row for each block."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from ablations.wrappers import unwrapped
from reports.comparison import Comparison
from reports.completeness import plural
from reports.plots.cost import rows_by_block
from reports.plots.labels import name
from reports.plots.looks import setting_looks
from reports.plots.style import FAMILIES, STYLE, Family, add_legend, family, new_figure
from reports.tables import block_order, without_version

LINE = 0.24  # height of a block in one setting, in inches
BAND = "#f2f2f2"
BELOW = 0.27  # of a line: seeds are not on the bar, where they could not be seen


class Row(NamedTuple):
    """The gain of a block in one setting, in points; seeds are the gains of its pairs."""

    block: str
    gain: float
    low: float
    high: float
    seeds: Sequence[float]
    look: Family


def forest(comparisons: Sequence[Comparison]) -> Figure:
    """Gain of each block over the baseline, with its 95 % t interval; small dots are seeds.

    Controls follow their block, on the same band. In several settings, a block has a line
    for each of them, in their order. Raises ValueError if there is no block but the
    baseline.
    """
    rows = [*forest_rows([one for one in comparisons if one.records])]
    if not rows:
        raise ValueError("there is no block besides the baseline")
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(8, LINE * len(rows) + 1.4)
        axes.grid(visible=False, axis="y")
        axes.axvline(0, color="#555555", linewidth=1, zorder=1)
        draw_bands(axes, [row.block for row in rows])
        for height, row in enumerate(rows):
            draw_row(axes, height, row)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        middles = middle_of_each([row.block for row in rows])
        axes.set_yticks([*middles.values()], [*map(name, middles)], parse_math=False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(
            "Gain in mIoU over the baseline (points)\n"
            "mark and bar: mean and 95 % t interval; dots: seeds"
        )
        add_legend(axes, looks_of(rows))
    return figure


def forest_rows(comparisons: Sequence[Comparison]) -> Iterator[Row]:
    """The rows from top to bottom: blocks, and within one its settings."""
    looks = setting_looks(comparisons)
    tables = [rows_by_block(one) for one in comparisons]
    pairs = [seed_gains(one.runs) for one in comparisons]
    for block in block_order(block for table in tables for block in table):
        for table, gains, look in zip(tables, pairs, looks, strict=True):
            if block != "none" and block in table:
                columns = ("gain", "gain_low", "gain_high")
                gain, low, high = (100 * table[block][column] for column in columns)
                seeds = 100 * gains.loc[gains["block"] == block, "gain"]
                look = look or FAMILIES[family(block)]
                yield Row(block, gain, low, high, [*seeds], look)


def seed_gains(runs: DataFrame) -> DataFrame:
    """Runs with the gain of each over the baseline of its seed."""
    baseline = runs[runs["block"] == "none"].set_index("seed")["miou"]
    return runs.assign(gain=runs["miou"] - runs["seed"].map(baseline))


def middle_of_each(blocks: Sequence[str]) -> dict[str, float]:
    """The height of a block's name, in the middle of its lines."""
    return {b: blocks.index(b) + (blocks.count(b) - 1) / 2 for b in blocks}


def looks_of(rows: Sequence[Row]) -> list[Family]:
    """Those of the rows, in the order of legends."""
    present = {row.look: None for row in rows}
    families = [look for look in FAMILIES.values() if look in present]
    return families or [*present]


def draw_bands(axes: Axes, blocks: Sequence[str]) -> None:
    """A band behind every second block and what is built around it."""
    families = groupby(enumerate(blocks), lambda row: unwrapped(without_version(row[1]))[0])
    for number, (_, group) in enumerate(families):
        heights = [height for height, _ in group]
        if number % 2 == 0:
            axes.axhspan(heights[0] - 0.5, heights[-1] + 0.5, color=BAND, zorder=0)


def draw_row(axes: Axes, height: int, row: Row) -> None:
    look: Any = {"color": row.look.colour}
    axes.scatter(row.seeds, [height + BELOW] * len(row.seeds), s=8, alpha=0.6, **look)
    if math.isfinite(row.low):
        axes.plot([row.low, row.high], [height] * 2, linewidth=1.6, zorder=3, **look)
    marker = row.look.marker
    axes.scatter(
        [row.gain], [height], s=46, marker=marker, edgecolor="white", zorder=4, **look
    )
    beside = axes.get_yaxis_transform()
    axes.text(1.015, height, in_numbers(row), transform=beside, fontsize=8, va="center")


def in_numbers(row: Row) -> str:
    number = plural(len(row.seeds), "seed")
    if not math.isfinite(row.low):
        return f"{signed(row.gain)}  ({number})"
    return f"{signed(row.gain)}  ({signed(row.low)} to {signed(row.high)}; {number})"


def signed(value: float) -> str:
    """With the minus of axes, and without one before zero."""
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")
