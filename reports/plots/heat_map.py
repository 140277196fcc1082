"""Blocks against settings: a number in each cell, on a colour that shows its size."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pandas import DataFrame

from reports.comparison import Comparison
from reports.plots.labels import name
from reports.plots.looks import setting_names
from reports.plots.style import STYLE, new_figure
from reports.tables import block_order
from reports.units import percent, points

CELL = (0.62, 0.3)  # width and height, in inches
LETTER = 0.082  # width of a letter of a name, in inches
INK, PAPER = "#000000", "#ffffff"
HATCH: Any = {
    "facecolor": "#f4f4f4",
    "edgecolor": "#9a9a9a",
    "hatch": "////",
    "linewidth": 0,
}


def gain_table(comparisons: Sequence[Comparison]) -> DataFrame:
    """The gain of each block (row) in each setting (column); missing without a run."""
    present = [one for one in comparisons if one.records]
    columns = [one.numbers.set_index("block")["gain"] for one in present]
    table = pd.concat(columns, axis=1, keys=setting_names(present)).drop(index="none")
    return table.loc[block_order(table.index)]


def heat_map(values: DataFrame, metric: str = "gain") -> Figure:
    """A cell for each block (row) and setting (column), in base units.

    The colours of a gain are those of loss and gain, white at zero; those of another metric
    grow darker with it. A cell without a value is hatched.
    """
    rows, columns = values.shape
    beside = LETTER * max(len(name(str(block))) for block in values.index)
    above = LETTER * max(len(str(column)) for column in values.columns)
    with mpl.rc_context(STYLE):
        width, height = CELL[0] * columns + beside, CELL[1] * rows + 0.8 * above
        figure, axes = new_figure(max(4.6, width + 0.3), height + 0.6)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        numbers = values.to_numpy(dtype=float)
        colours, scale = scale_of(numbers, metric)
        axes.add_patch(Rectangle((-0.5, -0.5), columns, rows, zorder=0, **HATCH))
        cells = np.ma.masked_invalid(numbers)
        axes.imshow(cells, cmap=colours, norm=scale, aspect="auto", zorder=1)
        write_numbers(axes, numbers, colours, scale, metric)
        name_sides(axes, values)
        missing = "" if np.isfinite(numbers).all() else "; hatched: no value"
        label = LABELS.get(metric, metric) + missing
        figure.supxlabel(label, parse_math=False, fontsize=9)
    return figure


SHOWN = {"gain": points}
LABELS = {"gain": "Gain over the baseline (points)", "miou": "mIoU (%)"}


def scale_of(numbers: np.ndarray, metric: str) -> tuple[Colormap, Normalize]:
    """Colours, and how values are mapped to them."""
    known = numbers[np.isfinite(numbers)]
    if metric == "gain":
        most = float(np.abs(known).max(initial=0)) or 0.01
        return mpl.colormaps["PuOr_r"], TwoSlopeNorm(0, -most, most)
    low, high = (known.min(), known.max()) if len(known) else (0, 1)
    return mpl.colormaps["YlGnBu"], Normalize(low, high if high > low else low + 0.01)


def write_numbers(
    axes: Axes, numbers: np.ndarray, colours: Colormap, scale: Normalize, metric: str
) -> None:
    show = SHOWN.get(metric, percent)
    for (row, column), value in np.ndenumerate(numbers):
        if np.isfinite(value):
            ink = legible_on(colours(scale(value)))
            look: Any = {"ha": "center", "va": "center", "fontsize": 8, "color": ink}
            axes.text(column, row, show(value), **look)


def legible_on(colour: Sequence[float]) -> str:
    """Black or white, whichever has more contrast by WCAG 2's relative luminance."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour[:3]
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else PAPER


def name_sides(axes: Axes, values: DataFrame) -> None:
    """Names of blocks on the left, of settings above, upright if they are long."""
    look: Any = {"parse_math": False, "fontsize": 9}
    axes.set_yticks(range(len(values)), [name(str(b)) for b in values.index], **look)
    names = [str(column) for column in values.columns]
    if max(map(len, names)) * LETTER > CELL[0]:
        look |= {"rotation": 40, "ha": "left", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(names)), names, **look)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
