"""Scenes of handwritten digits: real handwriting from scikit-learn, no download.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
Learning Repository, 1998, https://doi.org/10.24432/C50P49: 1,797 samples of 8x8 pixels.

A scene is several samples on one canvas: enlarged along smooth strokes, warped, coloured,
overlapping, on a textured ground, among arcs that look like strokes and mean nothing. It
depends on split, index and VERSION alone; a larger canvas shows the same scene in finer
detail. Train, validation and test have different samples.

Positions are (row, column) and lengths are in sides of the canvas; S is its side in pixels.
"""

import colorsys
import hashlib
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.datasets import load_digits
from torch import nn
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask

from lightning_modules.data.data_source import VOID, DataSource, Fill, SplitName

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Point = NDArray[np.float64]

VERSION = 1  # of the scenes: a change of any pixel needs a new number
CLASSES = (
    "background", "zero", "one", "two", "three", "four",
    "five", "six", "seven", "eight", "nine",
)  # fmt: skip
SCENES: dict[SplitName, int] = {"train": 2000, "val": 400, "test": 400}

# The samples are sorted by writer, so the writers of these ranges differ mostly, too.
HANDWRITING: dict[SplitName, range] = {
    "train": range(1200),
    "val": range(1200, 1500),
    "test": range(1500, 1797),
}
MARGIN = 2  # empty pixels around a sample, so that strokes end smoothly
EDGE = 0.45  # ink at the edge of a stroke; 1 is a sample's maximum
CACHED_SIZE = 128  # larger scenes are redrawn each time, to save memory


class DigitScenes:
    """One split: images (3, S, S) and labels (S, S)."""

    def __init__(self, name: SplitName, size: int, folder: Path | None) -> None:
        self.name, self.size = name, size

    def __len__(self) -> int:
        return SCENES[self.name]

    def __getitem__(self, index: int) -> tuple[Image, Mask]:
        draw = cached_scene if self.size <= CACHED_SIZE else scene
        image, labels = draw(self.name, index, self.size)
        return Image(torch.from_numpy(image)), Mask(torch.from_numpy(labels))

    def title(self, index: int) -> str:
        return f"scene {index}"

    def check(self, count: int) -> None:
        """Nothing to check: scenes are drawn, not read."""

    @property
    def fingerprint(self) -> str:
        image, labels = scene(self.name, 0, 64)
        digest = hashlib.sha256(image.tobytes() + labels.tobytes()).hexdigest()
        return f"digits {VERSION} {self.name} {digest[:8]}"


def scene(split: SplitName, index: int, size: int) -> tuple[Bytes, Bytes]:
    """Draw one scene: image (3, S, S), and labels (S, S) with void around digits."""
    random = np.random.default_rng([VERSION, list(SCENES).index(split), index])
    canvas = ground(random, random.uniform(0, 0.4), size)
    for _ in range(random.integers(1, 4)):
        paint(canvas, arc(random, size), ink(random))
    strokes, names = handwriting()
    labels = np.zeros((size, size), np.uint8)
    for centre in centres(random, int(random.integers(2, 4))):
        sample = random.choice(HANDWRITING[split])
        coverage = digit(random, strokes[sample], centre, size)
        paint(canvas, coverage, ink(random))
        mark(labels, coverage > 0.5, names[sample] + 1)
    return photograph(random, canvas), labels


cached_scene = lru_cache(maxsize=4096)(scene)


@cache
def handwriting() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All samples: cubic spline coefficients (1797, 12, 12) of their ink; their digits."""
    samples = load_digits()
    inks = np.pad(samples.images / 16, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
    return np.stack([ndimage.spline_filter(ink) for ink in inks]), samples.target


def ground(random: Generator, lightness: float, size: int) -> Floats:
    """A canvas (3, S, S) between two tones, mixed by coarse and fine noise."""
    first, second = (tint(random, lightness + shift, 0.4) for shift in (-0.15, 0.15))
    mixture = (2 * noise(random, 4, size) + noise(random, 14, size)) / 3  # (S, S)
    return first + mixture * (second - first)  # (3, S, S)


def noise(random: Generator, cells: int, size: int) -> Floats:
    """Random values (S, S) in [0, 1] on a grid of cells, linear between them."""
    grid, step = random.random((cells, cells)), (cells - 1) / size
    values: Floats = ndimage.affine_transform(
        grid, [step, step], step / 2, (size, size), np.float32, order=1
    )
    return values


def ink(random: Generator) -> Floats:
    """A colour (3, 1, 1) that stands out from the darker ground."""
    return tint(random, random.uniform(0.65, 1), 0.8)


def tint(random: Generator, lightness: float, saturation: float) -> Floats:
    """A colour (3, 1, 1) of any hue, with at most that saturation."""
    lightness = 0.1 + 0.8 * min(max(lightness, 0), 1)
    colour = colorsys.hls_to_rgb(random.random(), lightness, saturation * random.random())
    return np.array(colour, np.float32)[:, None, None]


def paint(canvas: Floats, coverage: Floats, colour: Floats) -> None:
    """Lay a colour on the canvas, opaque where coverage (S, S) is 1."""
    canvas += coverage * (colour - canvas)


def arc(random: Generator, size: int) -> Floats:
    """Coverage (S, S) of a part of a circle, about as thick as a digit's stroke."""
    radius, thickness = random.uniform(0.08, 0.5), random.uniform(0.03, 0.08)
    return circle_part(random, radius, thickness, size)


def circle_part(random: Generator, radius: float, thickness: float, size: int) -> Floats:
    """Coverage (S, S) of an arc with that radius and thickness, anywhere."""
    centre, direction = random.uniform(0, 1, 2), random.uniform(-1, 1, 2)
    pixels = (np.arange(size) + 0.5) / size
    row, column = pixels[:, None] - centre[0], pixels - centre[1]
    inside = thickness / 2 - abs(np.sqrt(row**2 + column**2) - radius)  # (S, S)
    ahead = (row * direction[0] + column * direction[1]) / np.sqrt((direction**2).sum())
    inside = np.minimum(inside, ahead - radius * random.uniform(-0.5, 0.7))
    coverage: Floats = np.clip(inside * size + 0.5, 0, 1).astype(np.float32)
    return coverage


def centres(random: Generator, count: int) -> list[Point]:
    """Positions of digits; each is the candidate farthest from the earlier ones."""
    positions = [random.uniform(0.22, 0.78, 2)]
    while len(positions) < count:
        candidates = random.uniform(0.22, 0.78, (5, 2))
        away = candidates[:, None] - np.array(positions)  # (candidates, positions, 2)
        positions.append(candidates[(away**2).sum(-1).min(-1).argmax()])
    return positions


def digit(random: Generator, strokes: Point, centre: Point, size: int) -> Floats:
    """Coverage (S, S) of one sample, about as large as half a canvas."""
    cell = random.uniform(0.5, 0.72, 2) / 8  # height and width of a sample's pixel
    return glyph(random, strokes, centre, cell, size)


def glyph(
    random: Generator, strokes: Point, centre: Point, cell: Point, size: int
) -> Floats:
    """Coverage (S, S) of one sample, turned, sheared and scaled about its centre.

    cell is the height and width of a sample's pixel. If that is less than about a pixel of
    the canvas, the coverage is not 0 where a sample is empty; see `floor`.
    """
    ink = spread(random, strokes, centre, cell, size)
    coverage: Floats = np.clip((ink - EDGE) * (size * cell.mean()) + 0.5, 0, 1)
    return coverage


def floor(cell: Point, size: int) -> float:
    """The coverage of a glyph where its sample has no ink."""
    return max(0.0, 0.5 - EDGE * size * float(cell.mean()))


def spread(
    random: Generator, strokes: Point, centre: Point, cell: Point, size: int
) -> Floats:
    """The ink (S, S) of one sample; at an edge, it changes by about 1 in a cell."""
    turn, shear = random.uniform(-0.15, 0.15), random.uniform(-0.15, 0.15)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    to_sample = np.array([[1, 0], [shear, 1]]) @ rotation / cell[:, None]
    middle = (len(strokes) - 1) / 2
    offset = middle + to_sample @ (0.5 / size - centre)
    ink: Floats = ndimage.affine_transform(
        strokes, to_sample / size, offset, (size, size), np.float32, prefilter=False
    )
    return ink


def mark(labels: Bytes, mask: NDArray[np.bool_], name: int) -> None:
    """Label an object, and one pixel of void around it."""
    labels[ndimage.maximum_filter(mask, 3)] = VOID
    labels[mask] = name


def photograph(random: Generator, canvas: Floats) -> Bytes:
    """The canvas in uneven light and with grain, as bytes (3, S, S)."""
    light = 0.8 + 0.4 * noise(random, 3, canvas.shape[-1])
    grain = random.uniform(-0.05, 0.05, canvas.shape)
    return np.rint(255 * np.clip(canvas * light + grain, 0, 1)).astype(np.uint8)


def augment(size: int, fill: Fill) -> nn.Module:
    """Small changes of position, scale and colour, none of which needs a fill.

    No flips: a flipped digit is not a digit.
    """
    transform: nn.Module = v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=(0.6, 1), ratio=(0.85, 1.18)),
            v2.RandomChannelPermutation(),
            v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.3),
        ]
    )
    return transform


def prepare(size: int) -> nn.Module:
    """Nothing to do: a scene is drawn in its size."""
    identity: nn.Module = v2.Identity()
    return identity


def digits() -> DataSource:
    return DataSource(
        "Handwritten digits in composed scenes", CLASSES, DigitScenes, augment, prepare
    )
