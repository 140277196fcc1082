"""Validation mIoU over the steps of training."""

import itertools
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from pandas import DataFrame

from reports.plots.labels import End, in_margin
from reports.plots.style import STYLE, new_figure
from reports.tables import block_order


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
