"""The look that all pictures share, and their files."""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablations.errors import writing
from ablations.wrappers import CONTROLS, unwrapped
from reports.tables import without_version


class Family(NamedTuple):
    """Blocks that share a look; the marker tells families apart in grey."""

    label: str
    colour: str
    marker: str


# Okabe and Ito's colours, which colour-blind readers can tell apart.
FAMILIES = {
    "none": Family("Baseline", "#555555", "D"),
    "psa": Family("PSA", "#D55E00", "s"),
    "note": Family("Reading note", "#009E73", "^"),
    "other": Family("Other blocks", "#0072B2", "o"),
    "control": Family("Controls", "#CC79A7", "X"),
}
STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "svg.hashsalt": "ablate",  # the same data give the same file
    "svg.fonttype": "path",
    "pdf.fonttype": 42,  # TrueType: publishers refuse Type 3
    "hatch.linewidth": 0.5,
}


def family(block: str) -> str:
    name, wrappers = unwrapped(without_version(block))
    if CONTROLS.keys() & {*wrappers}:
        return "control"
    prefix = name.partition("_")[0]
    return prefix if prefix in FAMILIES else "other"


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Create a figure of that size, in inches."""
    figure, [axes] = new_grid(width, height, 1, 1)
    return figure, axes


def new_grid(
    width: float, height: float, rows: int, columns: int
) -> tuple[Figure, list[Axes]]:
    """Create a figure of that size, in inches, with axes in rows from the top left."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    grid = [*figure.subplots(rows, columns, squeeze=False).flat]
    for axes in grid:
        axes.set_axisbelow(True)
    return figure, grid


def families_of(blocks: Iterable[str]) -> list[Family]:
    """In the order of FAMILIES."""
    present = {family(block) for block in blocks}
    return [look for key, look in FAMILIES.items() if key in present]


def add_legend(axes: Axes, looks: Sequence[Family], lines: Sequence[Line2D] = ()) -> None:
    """A legend above the axes."""
    handles = [*map(mark, looks), *lines]
    columns = max(1, WIDEST // max(len(str(handle.get_label())) + 4 for handle in handles))
    axes.legend(
        handles=handles,
        frameon=False,
        ncols=min(columns, 6),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        fontsize=8.5,
        columnspacing=1.2,
        handletextpad=0.3,
        handlelength=1.6,
    )


WIDEST = 100  # characters of a row of a legend


def mark(one: Family) -> Line2D:
    look: Any = {"marker": one.marker, "color": one.colour, "label": one.label}
    return Line2D([], [], linestyle="", **look)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write name.svg, name.png and name.pdf; equal data give equal files.

    Raises InputError if the folder cannot be written.
    """
    paths = [folder / f"{name}.{ending}" for ending in UNDATED]
    with writing(folder), mpl.rc_context(STYLE), warnings.catch_warnings():
        folder.mkdir(parents=True, exist_ok=True)
        warnings.filterwarnings("ignore", "Glyph .* missing")  # it is drawn as a box
        for path, metadata in zip(paths, UNDATED.values(), strict=True):
            figure.savefig(path, metadata=metadata)
    return paths


# By the ending of a file: what leaves the date out.
UNDATED: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "png": {},
    "pdf": {"CreationDate": None},
}
