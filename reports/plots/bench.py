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
