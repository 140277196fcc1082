"""The time of blocks, as published and as run."""

from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from pandas import DataFrame

from reports.plots.labels import name
from reports.plots.style import STYLE

EVALUATION_COLOURS = {"direct": "#0072B2", "fast": "#D55E00"}
TASKS = ("forward", "step")


def direct_against_fast(bench: DataFrame) -> Figure:
    """Times of a forward pass and of a step: a line per block, a panel per shape."""
    blocks = list(dict.fromkeys(bench["block"]))
    shapes = list(dict.fromkeys(zip(bench["shape"], bench["dtype"], strict=True)))
    with mpl.rc_context(STYLE):
        size = 2.6 * len(shapes) + 2.4, 2 * (0.2 * len(blocks) + 0.8) + 0.5
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(TASKS), len(shapes), sharey=True, squeeze=False)
        for row, task in zip(grid, TASKS, strict=True):
            for axes, (shape, dtype) in zip(row, shapes, strict=True):
                chosen = bench[(bench["shape"] == shape) & (bench["dtype"] == dtype)]
                draw_times(axes, chosen, task, blocks[::-1])
                axes.set_title(f"{shape}, {dtype}", fontsize=9)
        add_legend(figure)
    return figure


def add_legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour)
        for colour in EVALUATION_COLOURS.values()
    ]
    figure.legend(
        handles, list(EVALUATION_COLOURS), loc="outside upper right", ncols=2, frameon=False
    )


def draw_times(axes: Axes, rows: DataFrame, task: str, blocks: list[str]) -> None:
    """A line per block from bottom to top, with a dot for each evaluation measured."""
    axes.set_axisbelow(True)
    for row in rows.to_dict("records"):
        height = blocks.index(row["block"])
        ends = times(row, task)
        axes.plot(
            [*ends.values()], [height] * len(ends), color="#bbbbbb", linewidth=2, zorder=1
        )
        for evaluation, end in ends.items():
            axes.scatter(end, height, color=EVALUATION_COLOURS[evaluation], s=20, zorder=2)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=8))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel(f"{task} (ms)", fontsize=9)
    axes.set_ylim(-0.6, len(blocks) - 0.4)
    axes.set_yticks(range(len(blocks)), map(name, blocks), fontsize=8, parse_math=False)


def times(row: dict[Any, Any], task: str) -> dict[str, float]:
    """Milliseconds of each evaluation that was measured."""
    ends = {one: 1e3 * row[f"{one}_{task}"] for one in EVALUATION_COLOURS}
    return {one: end for one, end in ends.items() if end == end}
