"""The look that all pictures share, and their files."""

import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablations.errors import writing
from ablations.wrappers import CONTROLS, unwrapped
from reports.tables import without_version

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


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Create a figure of that size, in inches."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    return figure, axes


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


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write name.svg and name.png, without a date in them."""
    with writing(folder), mpl.rc_context(STYLE), warnings.catch_warnings():
        folder.mkdir(parents=True, exist_ok=True)
        warnings.filterwarnings("ignore", "Glyph .* missing")  # it is drawn as a box
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{name}.png")
