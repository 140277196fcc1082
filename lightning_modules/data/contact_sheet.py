"""Many small images on one sheet, each above a copy with its mask overlaid."""

import colorsys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ablations.errors import InputError, writing
from lightning_modules.data.data_source import VOID, Colour, DataSource, Sample

COLUMNS = 8
TILE = 1.5  # inches
OPACITY = 0.7  # of a mask
VOID_COLOUR = (1.0, 1.0, 1.0)
BACKGROUND = (0.25, 0.25, 0.25)  # a class of this colour is not painted

Pixels = NDArray[Any]  # (H, W, 3), in [0, 1]


def contact_sheet(title: str, samples: list[Sample], source: DataSource) -> Figure:
    """Samples of equal size in rows under the title, and a legend of the classes."""
    colours = colours_of(source)
    columns = min(COLUMNS, len(samples))
    rows = -(-len(samples) // columns)
    size = (max(TILE * columns, 8), 2.08 * TILE * rows + 1.1)
    spacing = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.05, hspace=0, wspace=0)
    figure = Figure(size, dpi=110, layout=spacing)
    figure.suptitle(title, fontsize=13)
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for axis in axes:
        axis.set_axis_off()
    for axis, sample in zip(axes, samples, strict=False):
        axis.imshow(pair(sample, colours), interpolation="nearest")
    add_legend(figure, source.classes, colours)
    return figure


def pair(sample: Sample, colours: list[Colour]) -> Pixels:
    """An image, a thin white gap, and the image with its mask."""
    image = sample[0].numpy().transpose(1, 2, 0) / 255  # (H, W, 3)
    gap = np.ones((max(1, len(image) // 32), *image.shape[1:]))
    return np.vstack([image, gap, overlay(image, sample[1].numpy(), colours)])


def overlay(image: Pixels, labels: NDArray[Any], colours: list[Colour]) -> Pixels:
    """Image in dark grey, classes in colour, void in white.

    Without a background the classes are a map of their own.
    """
    opacity = OPACITY if BACKGROUND in colours else 1.0
    picture: Pixels = np.repeat(image.mean(axis=2, keepdims=True) * 0.7, 3, axis=2)
    for name, colour in enumerate(colours):
        if colour != BACKGROUND:
            mask = labels == name
            picture[mask] = (1 - opacity) * picture[mask] + opacity * np.array(colour)
    picture[labels == VOID] = VOID_COLOUR
    return picture


def colours_of(source: DataSource) -> list[Colour]:
    """The data set's own colours, or the usual ones."""
    return list(source.colours or palette(len(source.classes)))


def palette(classes: int) -> list[Colour]:
    """Dark grey for the background, then hues around the wheel, light and dark in turn."""
    turns = np.arange(classes - 1) / max(1, classes - 1)
    hues = [
        colorsys.hls_to_rgb(turn, 0.62 if number % 2 else 0.52, 0.85)
        for number, turn in enumerate(turns)
    ]
    return [BACKGROUND, *hues]


def add_legend(figure: Figure, classes: tuple[str, ...], colours: list[Colour]) -> None:
    patches = [
        Patch(facecolor=colour, label=name)
        for name, colour in zip(classes, colours, strict=True)
    ]
    patches.append(Patch(facecolor=VOID_COLOUR, edgecolor="#999999", label="void"))
    figure.legend(
        handles=patches,
        loc="outside lower center",
        ncols=-(-len(patches) // 2),
        frameon=False,
        handlelength=1.2,
        columnspacing=1.4,
    )


def save_sheet(figure: Figure, path: Path) -> None:
    """Save in the format of path's suffix; InputError if matplotlib does not know it."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            figure.savefig(path)
        except ValueError as error:
            raise InputError(f"{path}: cannot be written ({error})") from None
