"""How the MACs of blocks grow with the resolution."""

from collections.abc import Sequence
from textwrap import fill

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ablations.complexity.growth import Growth
from ablations.complexity.polynomial import Polynomial
from reports.plots.labels import End, in_margin, name
from reports.plots.looks import line_looks
from reports.plots.style import STYLE, new_figure
from reports.tables import block_order

SIDES = (16, 32, 64, 128, 256, 512, 1024)  # of square inputs


def cost_growth(growth: Growth, what: str, sides: Sequence[int] = SIDES) -> Figure:
    """MACs of each block over the side of its square input, on logarithmic axes.

    what names the MACs and the input, such as "MACs of a block on 256 channels". Blocks
    without MACs have no place on logarithmic axes, and are named below them.
    """
    lines = {block: values(growth[block], sides) for block in block_order(growth)}
    drawn = [block for block, line in lines.items() if min(line) > 0]
    free = [name(block) for block in lines if block not in drawn]
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(8, max(5.0, 0.19 * len(drawn) + 1.0))
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        ends: dict[str, End] = {}
        for block, look in zip(drawn, line_looks(drawn), strict=True):
            axes.plot(sides, lines[block], markersize=4, **look)
            leader = {
                "color": look["color"],
                "linestyle": look["linestyle"],
                "linewidth": 0.9,
            }
            ends[block] = End((sides[-1], lines[block][-1]), axes.transData, leader)
        name_axes(axes, sides, what, free)
        figure.draw_without_rendering()  # the axes have no height before this
        in_margin(axes, ends, 8.5)
    return figure


def values(macs: Polynomial, sides: Sequence[int]) -> list[float]:
    return [float(macs.value(side * side)) for side in sides]


def name_axes(axes: Axes, sides: Sequence[int], what: str, free: Sequence[str]) -> None:
    note = fill(f"Without MACs, so not drawn: {', '.join(free)}", 100) if free else ""
    axes.set_xlabel(f"Side of the square input\n{note}".rstrip(), parse_math=False)
    axes.set_ylabel(what, parse_math=False)
    axes.xaxis.set_major_locator(FixedLocator(list(sides)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda side, _: f"{side:.0f}"))
