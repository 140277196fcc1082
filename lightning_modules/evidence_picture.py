"""One scene as several networks see it: what they predict, and what decides it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ablations.blocks import label_of
from ablations.errors import visible
from ablations.run_config import RunConfig
from lightning_modules.data import create_data
from lightning_modules.data.contact_sheet import (
    Pixels,
    add_legend,
    colours_of,
    overlay,
    save_sheet,
)
from lightning_modules.data.data_source import DataSource, Sample
from lightning_modules.display import say
from lightning_modules.evidence import Evidence, evidence, scored_split

FAINTEST = 1e-3  # of the largest gradient: anything less is black
ROWS = ("predicted", "gradient by pixels", "gradient by positions\nof the last feature")


def draw_evidence(configs: Sequence[RunConfig], scene: int, out: Path) -> Path:
    """Train each network and draw what decides the scene; the path of the file.

    Runs must have the same data set and size. A file without a suffix is a PNG.
    """
    source, sample = scene_of(configs[0], scene)
    found = []
    for config in configs:
        say(f"training {config.block}, seed {config.seed}: {config.max_steps:,} steps")
        found.append(evidence(config, scene))
    path = out if out.suffix else out.with_name(f"{out.name}.png")
    save_sheet(evidence_sheet(source, sample, found), path)
    return path


def scene_of(config: RunConfig, scene: int) -> tuple[DataSource, Sample]:
    """The scene as it is shown: uint8."""
    data = create_data(config)
    split = scored_split(data, scene)
    return data.source, data.source.prepare(config.image_size)(split[scene])


def evidence_sheet(source: DataSource, sample: Sample, found: Sequence[Evidence]) -> Figure:
    """The scene and its labels on the left, then a column for each network."""
    colours = colours_of(source)
    image = sample[0].numpy().transpose(1, 2, 0) / 255  # (S, S, 3)
    figure = Figure((2.1 * (len(found) + 1), 7.4), dpi=100, layout="constrained")
    axes = figure.subplots(len(ROWS), len(found) + 1, squeeze=False)
    for axis in axes.flatten():
        axis.set(xticks=[], yticks=[])
    truth = overlay(image, sample[1].numpy(), colours)
    draw_column(axes[:, 0], "the scene", [truth, image])
    axes[2, 0].set_axis_off()
    for column, one in zip(axes[:, 1:].T, found, strict=True):
        prediction = overlay(image, one.predicted.numpy(), colours)
        gradients = shades(one.pixels), shades(one.positions)
        draw_column(column, heading(one), [prediction, *gradients])
        column[1].set_xlabel(f"{100 * one.far:.1f} % from afar", fontsize=9)
    for axis, text in zip(axes[:, 1], ROWS, strict=True):
        axis.set_ylabel(text, fontsize=9)
    axes[0, 0].set_xlabel("true classes", fontsize=9)
    add_legend(figure, source.classes, colours)
    return figure


def heading(one: Evidence) -> str:
    block = visible(label_of(one.config.block))
    return f"{block}, seed {one.config.seed}\ninformation {one.information:z.2f}"


def shades(gradient: Tensor) -> Pixels:
    """Relative to the largest, on a logarithmic scale; what is zero is black."""
    largest = gradient.max().clamp(min=1e-30)
    scale = LogNorm(FAINTEST, 1, clip=True)
    coloured: NDArray[Any] = colormaps["magma"](scale((gradient / largest).numpy()))
    return np.asarray(coloured[..., :3])


def draw_column(axes: NDArray[Any], title: str, pictures: Sequence[Pixels]) -> None:
    column: list[Axes] = list(axes)
    column[0].set_title(title, fontsize=10, parse_math=False)
    for axis, picture in zip(column, pictures, strict=False):
        axis.imshow(picture, interpolation="nearest")
