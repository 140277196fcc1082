"""mIoU against what a block costs."""

from statistics import stdev
from textwrap import fill
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation, Transform
from pandas import DataFrame

from reports.plots.labels import name, place_labels
from reports.plots.style import FAMILIES, STYLE, add_legend, family, new_figure


def miou_against_macs(comparison: DataFrame, runs: DataFrame) -> Figure:
    """mIoU of each block over the MACs that it adds; a small dot is one seed.

    Blocks add little to a network, so the axis is the added cost: linear near zero, then
    logarithmic. The bars are one sample standard deviation over seeds. The baseline's MACs
    must be known; blocks with unknown MACs are named below the axis.
    """
    points = comparison.dropna(subset="macs")
    rows: dict[str, Any] = {row["block"]: row for row in points.to_dict("records")}
    base = rows["none"]
    added = {block: (row["macs"] - base["macs"]) / 1e6 for block, row in rows.items()}
    places = {block: (added[block], 100 * row["miou"]) for block, row in rows.items()}
    lowest = min((value for value in added.values() if value > 0), default=1.0)
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(8, 5)
        axes.set_xscale("symlog", linthresh=lowest, linscale=0.6)
        axes.axhline(
            100 * base["miou"], color="#999999", linestyle="--", linewidth=1, zorder=1
        )
        axes.set_xlabel(added_macs_label(comparison, base["macs"]), parse_math=False)
        axes.set_ylabel("mIoU (%)")
        for block, place in places.items():
            seeds = 100 * runs.loc[runs["block"] == block, "miou"]
            draw_block(axes, block, place, seeds.to_list(), aside(block, places))
        bars = {block: spread(row) for block, row in rows.items()}
        ends = [100 * runs["miou"].min(), 100 * runs["miou"].max(), *sum(bars.values(), ())]
        axes.set_ylim(*with_margin(ends))
        left = min(-0.6 * lowest, 3 * min(added.values()))
        axes.set_xlim(left, right=3 * max(*added.values(), lowest))
        add_legend(axes, list(rows))
        shifted = {block: moved(axes, aside(block, places)) for block in places}
        place_labels(axes, places, bars, shifted, level=100 * base["miou"])
    return figure


def added_macs_label(comparison: DataFrame, baseline: float) -> str:
    """The label of the axis, with the blocks that are not on it."""
    label = f"Million MACs added to the baseline's {baseline / 1e6:,.1f}"
    names = [
        f"{name(row['block'])} ({row['not_counted']})"
        for row in comparison[comparison["macs"].isna()].to_dict("records")
    ]
    note = fill(f"MACs not counted, so not drawn: {', '.join(names)}", 100)
    return f"{label}\n{note}" if names else label


def with_margin(values: list[float]) -> tuple[float, float]:
    """The limits of an axis with room beyond the lowest and the highest value."""
    margin = 0.05 * (max(values) - min(values) or 1)
    return min(values) - margin, max(values) + margin


def spread(row: dict[str, Any]) -> tuple[float, float]:
    """The ends of a block's error bar, in percent."""
    half = 0 if row["seeds"] == 1 else row["miou_std"]
    return 100 * (row["miou"] - half), 100 * (row["miou"] + half)


def aside(block: str, places: dict[str, tuple[float, float]]) -> float:
    """The shift to the right, in points, that keeps blocks of equal cost apart."""
    equal = [other for other, place in places.items() if place[0] == places[block][0]]
    return 7.0 * equal.index(block)


def moved(axes: Axes, right: float) -> Transform:
    """Data coordinates, shifted to the right by that many points."""
    inches = axes.figure.dpi_scale_trans
    return axes.transData + ScaledTranslation(right / 72, 0, inches)


def draw_block(
    axes: Axes, block: str, place: tuple[float, float], seeds: list[float], right: float
) -> None:
    colour, (across, mean) = FAMILIES[family(block)][1], place
    look: Any = {"color": colour, "transform": moved(axes, right)}
    axes.scatter([across] * len(seeds), seeds, s=9, alpha=0.4, zorder=2, **look)
    if len(seeds) > 1:
        axes.errorbar(across, mean, stdev(seeds), capsize=3, linewidth=1, zorder=3, **look)
    axes.scatter([across], [mean], s=48, edgecolor="white", zorder=4, **look)
