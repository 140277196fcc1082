"""Validation mIoU over the steps of training, and the gain over the baseline."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from reports.plots.labels import End, in_margin, name
from reports.plots.looks import line_looks
from reports.plots.style import FAMILIES, STYLE, family, new_grid
from reports.tables import block_order

TOGETHER = 5  # the most blocks whose bands can be told apart in one pair of axes
ACROSS = 4  # panels in a row
MIOU = ("miou", "low", "high")
GAIN = ("gain", "gain_low", "gain_high")
BASELINE: dict[str, Any] = {"color": FAMILIES["none"].colour, "linewidth": 1.6}


def learning_curves(curves: DataFrame) -> Figure:
    """Means over seeds as lines, in bands from the lowest to the highest seed.

    curves is a table as reports.tables.curves makes it. Networks with blocks often learn
    nearly alike, so what they gain over the baseline is drawn beside what they reach. Of
    more than five blocks, each has a panel with its gain.
    """
    blocks = block_order(curves["block"])
    with mpl.rc_context(STYLE):
        if len(blocks) <= TOGETHER:
            return together(curves, blocks)
        return panels(curves, blocks)


def together(curves: DataFrame, blocks: Sequence[str]) -> Figure:
    """Lines differ in colour, dashes and marker, so they can be told apart in grey."""
    figure, (left, right) = new_grid(9, 4.4, 1, 2)
    ends: dict[str, End] = {}
    for block, look in zip(blocks, line_looks(blocks), strict=True):
        line = curves[curves["block"] == block]
        draw_line(left, line, MIOU, look)
        draw_line(right, line, GAIN, look)
        leader = {key: look[key] for key in ("color", "linestyle")} | {"linewidth": 0.9}
        ends[block] = End(last_point(line), right.transData, leader)
    left.set_title("Validation mIoU (%)", fontsize=10, loc="left")
    right.set_title("Gain over the baseline (points)", fontsize=10, loc="left")
    figure.supxlabel(f"Step. {reading(curves)}", fontsize=9)
    figure.draw_without_rendering()  # the axes have no height before this
    in_margin(right, ends, 8.5)
    return figure


def last_point(line: DataFrame) -> tuple[float, float]:
    """Where the line of a gain ends; at zero if there is none."""
    known = line.dropna(subset="gain")
    if not len(known):
        return float(line["step"].iloc[-1]), 0.0
    return float(known["step"].iloc[-1]), 100 * float(known["gain"].iloc[-1])


def panels(curves: DataFrame, blocks: Sequence[str]) -> Figure:
    """First what the baseline reaches, then what each block gains over it."""
    rows = math.ceil(len(blocks) / ACROSS)
    figure, grid = new_grid(8.5, 1.45 * rows + 0.7, rows, ACROSS)
    for block, axes in zip(blocks, grid, strict=False):
        line, title = curves[curves["block"] == block], name(block)
        if block == "none":
            draw_line(axes, line, MIOU, BASELINE)
            title = f"{title}: mIoU (%)"
        else:
            axes.axhline(0, **BASELINE)
            look = {"color": FAMILIES[family(block)].colour, "linewidth": 1.4}
            draw_line(axes, line, GAIN, look)
        axes.set_title(title, fontsize=7, loc="left", pad=3, parse_math=False)
        axes.tick_params(labelsize=7)
    share_heights(grid[blocks[0] == "none" : len(blocks)])
    for axes in grid[len(blocks) :]:
        axes.remove()
    figure.supxlabel(f"Step. {reading(curves)}", fontsize=9)
    figure.supylabel("Gain over the baseline (points)", fontsize=9)
    return figure


def share_heights(grid: Sequence[Axes]) -> None:
    for axes in grid[1:]:
        axes.sharey(grid[0])
    grid[0].autoscale(axis="y")


def draw_line(
    axes: Axes, line: DataFrame, columns: tuple[str, str, str], look: dict[str, Any]
) -> None:
    """The columns are those of the mean and of the ends of the band."""
    mean, low, high = (100 * line[column] for column in columns)
    axes.plot(line["step"], mean, markersize=4.5, **look)
    band: Any = {"color": look["color"], "alpha": 0.12, "linewidth": 0}
    axes.fill_between(line["step"], low, high, **band)


def reading(curves: DataFrame) -> str:
    """What lines and bands are."""
    most = int(curves["seeds"].max())
    if most < 2:
        return "One seed of each block."
    return f"Lines: means; bands: from the lowest to the highest of up to {most} seeds."
