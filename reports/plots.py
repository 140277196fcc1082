"""Plots of result tables, as matplotlib figures without global state."""

import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import stdev
from textwrap import fill
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation, Transform
from pandas import DataFrame

from ablations.errors import writing
from ablations.wrappers import CONTROLS, unwrapped
from reports.labels import End, in_margin, name, place_labels
from reports.tables import block_order, without_version

# Okabe and Ito's colours, which colour-blind readers can tell apart.
FAMILIES = {
    "none": ("Baseline", "#555555"),
    "psa": ("PSA", "#D55E00"),
    "note": ("Reading note", "#009E73"),
    "other": ("Other blocks", "#0072B2"),
    "control": ("Controls", "#CC79A7"),
}
STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "svg.hashsalt": "ablate",  # the same data give the same file
    "svg.fonttype": "path",
}


def family(block: str) -> str:
    name, wrappers = unwrapped(without_version(block))
    if CONTROLS.keys() & {*wrappers}:
        return "control"
    prefix = name.partition("_")[0]
    return prefix if prefix in FAMILIES else "other"


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


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Create a figure of that size, in inches."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    return figure, axes


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


def add_legend(axes: Axes, blocks: list[str]) -> None:
    present = [
        FAMILIES[key] for key in FAMILIES if key in {family(block) for block in blocks}
    ]
    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour) for _, colour in present
    ]
    axes.legend(
        handles,
        [name for name, _ in present],
        frameon=False,
        ncols=len(FAMILIES),
        loc="lower left",
        bbox_to_anchor=(0, 1),
    )


def learning_curves(curves: DataFrame) -> Figure:
    """Validation mIoU over steps, one line per block, mean over seeds.

    Lines differ in colour, dashes and marker, so they can be told apart in grey prints.
    """
    blocks = block_order(curves["block"])
    lines = {str(block): line for block, line in curves.groupby("block")}
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(8, max(4.5, 0.18 * len(blocks) + 1.2))
        ends: dict[str, End] = {}
        for block, look in zip(blocks, line_looks(blocks), strict=True):
            line = lines[block]
            axes.plot(line["step"], 100 * line["miou"], markersize=4.5, **look)
            last = line.iloc[-1]
            leader = {key: look[key] for key in ("color", "linestyle")} | {"linewidth": 0.9}
            ends[block] = End((last["step"], 100 * last["miou"]), axes.transData, leader)
        axes.set_xlabel("Step")
        axes.set_ylabel("Validation mIoU (%)")
        figure.draw_without_rendering()  # the axes have no height before this
        in_margin(axes, ends, 8.5)
    return figure


COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
DASHES: list[Any] = ["-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5))]
MARKERS = "osD^vPX<>*hpd"


def line_looks(blocks: list[str]) -> Iterator[dict[str, Any]]:
    """A look for each line, distinct for up to 182 lines; the baseline is grey."""
    others = (
        {
            "color": COLOURS[number % 7],
            "linestyle": DASHES[number % 7 % 2 + number // 7 % 2 * 2],
            "marker": MARKERS[number % 13],
            "linewidth": 1.4,
        }
        for number in itertools.count()
    )
    for block in blocks:
        if block == "none":
            yield {"color": "#777777", "linestyle": "-", "marker": "", "linewidth": 3.0}
        else:
            yield next(others)


def direct_against_fast(bench: DataFrame) -> Figure:
    """Time of a forward pass and of a training step, direct and fast, one line per case."""
    rows = bench.to_dict("records")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 0.32 * len(rows) + 1.4), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        for axes, what in zip(
            figure.subplots(1, 2, sharey=True), ("forward", "step"), strict=True
        ):
            draw_times(axes, rows[::-1], what)
        handles = [
            Line2D([], [], marker="o", linestyle="", color=colour)
            for colour in EVALUATION_COLOURS.values()
        ]
        figure.legend(
            handles,
            list(EVALUATION_COLOURS),
            loc="outside upper right",
            ncols=2,
            frameon=False,
        )
    return figure


EVALUATION_COLOURS = {"direct": "#0072B2", "fast": "#D55E00"}


def draw_times(axes: Axes, rows: list[dict[Any, Any]], what: str) -> None:
    """A line per case from bottom to top, with a dot for each evaluation."""
    axes.set_axisbelow(True)
    for height, row in enumerate(rows):
        ends = [1e3 * row[f"{evaluation}_{what}"] for evaluation in EVALUATION_COLOURS]
        axes.plot(ends, [height, height], color="#bbbbbb", linewidth=2, zorder=1)
        axes.scatter(
            ends, [height, height], c=[*EVALUATION_COLOURS.values()], s=28, zorder=2
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"{what} (ms)")
    names = [f"{name(row['block'])}  {row['shape']}" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=8, parse_math=False)


def added_cost(costs: DataFrame) -> Figure:
    """The MACs that each block adds to a network over the parameters that it adds.

    A line joins a block as published and the same function as this suite runs it. A block
    that adds no parameters or no MACs has no place on logarithmic axes, and is left out.
    """
    positive = (costs[["added_params", "added_direct", "added_fast"]] > 0).all(axis=1)
    rows = costs[positive].to_dict("records")
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(8, 5.5)
        axes.set_xscale("log")
        axes.set_yscale("log")
        places, bars = {}, {}
        for row in rows:
            colour = FAMILIES[family(row["block"])][1]
            params, macs = row["added_params"], (row["added_direct"], row["added_fast"])
            axes.plot([params] * 2, macs, color=colour, alpha=0.4, linewidth=1.5, zorder=2)
            axes.scatter([params], macs[:1], s=44, color=colour, zorder=3)
            look: Any = {"facecolor": "white", "edgecolor": colour, "zorder": 4}
            axes.scatter([params], macs[1:], s=24, **look)
            places[row["block"]] = (params, macs[0])
            bars[row["block"]] = (min(macs), max(macs))
        axes.set_xlim(right=5 * costs["added_params"].max())
        axes.set_ylim(top=4 * costs["added_direct"].max())
        axes.set_xlabel("Parameters added")
        axes.set_ylabel("MACs added to one image (filled: as published; open: as run)")
        add_legend(axes, [row["block"] for row in rows])
        place_labels(axes, places, bars, dict.fromkeys(places, axes.transData))
    return figure


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write name.svg and name.png, without a date in them."""
    with writing(folder), mpl.rc_context(STYLE), warnings.catch_warnings():
        folder.mkdir(parents=True, exist_ok=True)
        warnings.filterwarnings("ignore", "Glyph .* missing")  # it is drawn as a box
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{name}.png")
