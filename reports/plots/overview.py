"""Every block in several studies: a panel for each, and one row for each block."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.plots.forest import draw_bands
from reports.plots.labels import name
from reports.plots.style import FAMILIES, STYLE, families_of, family, mark, new_grid
from reports.power import LEVEL

LINE = 0.24  # height of a block, in inches
PANEL = 2.5  # width, in inches

Interval = tuple[float, float, float, float]  # mean, low, high, adjusted p


class Panel(NamedTuple):
    """One study: a mean with its interval for each block, in the units of the axis."""

    title: str
    axis: str
    values: Mapping[str, Interval]
    zero: float | None = None  # where nothing is gained


def overview(blocks: Sequence[str], panels: Sequence[Panel]) -> Figure:
    """Filled marks differ from the baseline after Holm's correction; hollow ones do not.

    Raises ValueError without a panel or a block.
    """
    if not blocks or not panels:
        raise ValueError("an overview needs a block and a study")
    with mpl.rc_context(STYLE):
        size = (PANEL * len(panels) + 1.9, LINE * len(blocks) + 1.5)
        figure, grid = new_grid(*size, 1, len(panels))
        for axes, panel in zip(grid, panels, strict=True):
            draw_panel(axes, panel, blocks)
        grid[0].set_yticks(range(len(blocks)), [*map(name, blocks)], parse_math=False)
        for axes in grid[1:]:
            axes.set_yticks([])
        handles = [*map(mark, families_of(blocks))]
        look: Any = {"frameon": False, "fontsize": 8.5}
        figure.legend(handles=handles, loc="outside upper left", ncols=6, **look)
    return figure


def draw_panel(axes: Axes, panel: Panel, blocks: Sequence[str]) -> None:
    axes.grid(visible=False, axis="y")
    draw_bands(axes, blocks)
    if panel.zero is not None:
        axes.axvline(panel.zero, color="#555555", linewidth=1, zorder=1)
    for height, block in enumerate(blocks):
        if block in panel.values:
            draw_mark(axes, height, block, panel.values[block])
    axes.set_ylim(len(blocks) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_title(panel.title, fontsize=9.5, parse_math=False)
    axes.set_xlabel(panel.axis, fontsize=9)


def draw_mark(axes: Axes, height: int, block: str, value: Interval) -> None:
    mean, low, high, p = value
    look = FAMILIES[family(block)]
    if math.isfinite(low) and math.isfinite(high):
        axes.plot([low, high], [height] * 2, color=look.colour, linewidth=1.5, zorder=3)
    filled: Any = look.colour if p < LEVEL else "white"
    axes.scatter(
        [mean], [height], s=34, marker=look.marker, color=filled,
        edgecolor=look.colour, linewidth=1.2, zorder=4,
    )  # fmt: skip
