"""Many small images of a split on one sheet, each with its mask laid over it."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ablations.errors import InputError
from lightning_modules.data.segmentation_data import VOID, Split

COLUMNS = 8
Colour = tuple[float, float, float]

OPACITY = 0.62  # of a mask
VOID_COLOUR = (1.0, 1.0, 1.0)


def contact_sheet(title: str, split: Split, classes: tuple[str, ...], count: int) -> Figure:
    """The first count images of split above the same with their masks; a legend below."""
    colours = palette(len(classes))
    count = min(count, len(split))
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    figure = Figure(
        figsize=(1.5 * columns, 3.08 * rows + 1.2), dpi=110, layout="constrained"
    )
    figure.set_layout_engine(
        ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, hspace=0, wspace=0)
    )
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=13)
    axes = figure.subplots(2 * rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for index in range(count):
        row, column = divmod(index, columns)
        image, labels = pixels(split, index)
        axes[2 * row, column].imshow(image, interpolation="nearest")
        overlaid = overlay(image, labels, colours)
        axes[2 * row + 1, column].imshow(overlaid, interpolation="nearest")
    add_legend(figure, classes, colours)
    return figure


def pixels(split: Split, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """An image (H, W, 3) in [0, 1] and its labels (H, W)."""
    image, labels = split[index]
    return image.numpy().transpose(1, 2, 0) / 255, labels.numpy()


def overlay(
    image: NDArray[Any], labels: NDArray[Any], colours: list[Colour]
) -> NDArray[Any]:
    """Grey image, coloured classes, white void; class 0 (background) stays as it is."""
    shown = np.repeat(image.mean(axis=2, keepdims=True) * 0.75, 3, axis=2)  # (H, W, 3)
    for name in range(1, len(colours)):
        mask = labels == name
        shown[mask] = (1 - OPACITY) * shown[mask] + OPACITY * np.array(colours[name])
    shown[labels == VOID] = VOID_COLOUR
    return shown


def palette(classes: int) -> list[Colour]:
    """A dark grey for the background, then hues far apart."""
    wheel = mpl.colormaps["hsv"]
    turns = np.linspace(0, 1, classes - 1, endpoint=False)
    hues: list[Colour] = [tuple(wheel(turn)[:3]) for turn in turns]
    return [(0.25, 0.25, 0.25), *hues]


def add_legend(figure: Figure, classes: tuple[str, ...], colours: list[Colour]) -> None:
    patches = [
        Patch(facecolor=colour, label=name)
        for name, colour in zip(classes, colours, strict=True)
    ]
    patches.append(Patch(facecolor=VOID_COLOUR, edgecolor="#999999", label="void"))
    figure.legend(handles=patches, loc="outside lower center", ncols=6, frameon=False)


def save_sheet(figure: Figure, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written ({error})") from None
