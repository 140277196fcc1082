"""mIoU against what a block costs: parameters, MACs, latency or memory."""

import math
from collections.abc import Mapping
from textwrap import fill
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator, SymmetricalLogLocator
from matplotlib.transforms import ScaledTranslation, Transform

from reports.comparison import Comparison
from reports.plots.labels import Point, name, place_labels
from reports.plots.pareto import front, staircase
from reports.plots.style import FAMILIES, STYLE, add_legend, families_of, family, new_figure


class Cost(NamedTuple):
    """A cost as an axis shows it; unit is the number of base units in one of its own."""

    label: str
    unit: float
    noise: float = 0.0  # share of the baseline's cost below which the axis is linear


COSTS = {
    "params": Cost("Million parameters", 1e6),
    "macs": Cost("Million MACs", 1e6),
    "latency": Cost("Milliseconds for one image", 1e-3, noise=0.02),
    "peak": Cost("Megabytes at the peak of a training step", 1e6, noise=0.02),
}
LEVEL: Any = {"color": "#777777", "linestyle": (0, (5, 3)), "linewidth": 1}
FRONT: Any = {"color": "#1a1a1a", "linewidth": 0.9, "label": "Pareto front"}


def against_cost(
    comparison: Comparison, cost: str, values: Mapping[str, float] | None = None
) -> Figure:
    """mIoU of each block over the cost that it adds; a small dot is one seed.

    cost is one of COSTS. values are the costs of the networks by block, in base units;
    those of the comparison if None. Blocks add little to a network, so the axis is the
    added cost: linear near zero, then logarithmic. Bars are one sample standard deviation
    over seeds. Blocks without a cost are named below the axis. Raises ValueError if the
    baseline is one of them.
    """
    rows = rows_by_block(comparison)
    known = {b: row[cost] for b, row in rows.items()} if values is None else values
    if not known.get("none", math.nan) > 0:
        raise ValueError(f"the baseline's {cost} are unknown")
    costs = {block: known.get(block, math.nan) / COSTS[cost].unit for block in rows}
    unknown = [block for block in rows if not math.isfinite(costs[block])]
    reasons = {b: rows[b]["not_counted"] if values is None else "" for b in unknown}
    places = {
        block: (costs[block] - costs["none"], 100 * row["miou"])
        for block, row in rows.items()
        if block not in unknown
    }
    return scatter(comparison, places, COSTS[cost], costs["none"], left_out(reasons))


def rows_by_block(comparison: Comparison) -> dict[str, Any]:
    return {row["block"]: row for row in comparison.numbers.to_dict("records")}


def left_out(reasons: Mapping[str, str]) -> str:
    """A sentence on the blocks that are not on the axes."""
    names = [f"{name(b)} ({reasons[b]})" if reasons[b] else name(b) for b in reasons]
    return f"Cost unknown, so not drawn: {', '.join(names)}" if names else ""


def scatter(
    comparison: Comparison,
    places: Mapping[str, Point],
    cost: Cost,
    base: float,
    note: str,
) -> Figure:
    """The places (added cost, mIoU in percent); base is the baseline's cost."""
    rows, runs = rows_by_block(comparison), comparison.runs
    seeds = {b: [*(100 * runs.loc[runs["block"] == b, "miou"])] for b in places}
    halves = {b: 0.0 if len(seeds[b]) < 2 else 100 * rows[b]["miou_std"] for b in places}
    bars = {b: reach(places[b][1], halves[b], seeds[b]) for b in places}
    steps = staircase([places[block] for block in front(places)])
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(8, max(5, 3 + 0.12 * len(places)))
        scale_axes(axes, places, cost.noise * base)
        axes.set_ylim(*with_margin([end for bar in bars.values() for end in bar]))
        label = f"{cost.label} added to the baseline's {base:,.4g}"
        axes.set_xlabel(f"{label}\n{fill(note, 100)}".rstrip(), parse_math=False)
        axes.set_ylabel("mIoU (%)")
        axes.axhline(places["none"][1], **LEVEL, zorder=1)
        axes.plot(*zip(*steps, strict=True), **FRONT, zorder=1.5)
        shifts = {block: moved(axes, aside(block, places)) for block in places}
        for block in places:
            draw_seeds(axes, block, places[block][0], seeds[block], shifts[block])
            draw_mean(axes, block, places[block], halves[block], shifts[block])
        add_legend(
            axes, families_of(places), [Line2D([], [], **FRONT)] if len(steps) > 1 else []
        )
        place_labels(axes, places, bars, shifts, places["none"][1], steps)
    return figure


def reach(mean: float, half: float, seeds: list[float]) -> Point:
    """The lowest and the highest of what is drawn for one block."""
    ends = [mean - half, mean + half, *seeds]
    return min(ends), max(ends)


def scale_axes(axes: Axes, places: Mapping[str, Point], noise: float) -> None:
    """Linear up to the least added cost, or the noise if that is more."""
    added = [across for across, _ in places.values()]
    lowest = max(min((value for value in added if value > 0), default=1.0), noise)
    axes.set_xscale("symlog", linthresh=lowest, linscale=0.6)
    axes.set_xlim(min(-0.6 * lowest, 3 * min(added)), 3 * max(*added, lowest))
    decades = math.log10(max(*added, lowest) / lowest)
    subs = [1, 2, 5] if decades < 2 else [1]
    locator = SymmetricalLogLocator(base=10, linthresh=lowest, subs=subs)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def with_margin(values: list[float]) -> tuple[float, float]:
    """The limits of an axis with room beyond the lowest and the highest value."""
    margin = 0.05 * (max(values) - min(values) or 1)
    return min(values) - margin, max(values) + margin


def aside(block: str, places: Mapping[str, Point]) -> float:
    """The shift to the right, in points, that keeps blocks of equal cost apart.

    The best of them stays in its place, where the front passes.
    """
    equal = [other for other, place in places.items() if place[0] == places[block][0]]
    return 8.0 * sorted(equal, key=lambda other: -places[other][1]).index(block)


def moved(axes: Axes, right: float) -> Transform:
    """Data coordinates, shifted to the right by that many points."""
    inches = axes.figure.dpi_scale_trans
    return axes.transData + ScaledTranslation(right / 72, 0, inches)


def draw_seeds(
    axes: Axes, block: str, across: float, seeds: list[float], shift: Transform
) -> None:
    look: Any = {"color": FAMILIES[family(block)].colour, "transform": shift}
    axes.scatter([across] * len(seeds), seeds, s=9, alpha=0.4, zorder=2, **look)


def draw_mean(axes: Axes, block: str, place: Point, half: float, shift: Transform) -> None:
    _, colour, marker = FAMILIES[family(block)]
    look: Any = {"color": colour, "transform": shift}
    if half:
        axes.errorbar(*place, half, capsize=3, linewidth=1, zorder=3, **look)
    axes.scatter(*place, s=48, marker=marker, edgecolor="white", zorder=4, **look)
