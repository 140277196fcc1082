"""What the scenes of all probes share: signs on one side, digits on the opposite one.

The signs are small handwritten zeros and ones. Objects have a fixed size in pixels, so on
a larger canvas they are farther apart. Between the ink of a sign and that of a digit at
least GAP rows or columns are empty, in every scene; a smaller canvas is refused.
What a network without a block sees is measured in tests/test_probes.py.

Positions are (row, column) in pixels; S is the side of the canvas in pixels.
"""

import hashlib
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import nn
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask

from ablations.errors import InputError
from lightning_modules.data.data_source import Fill, SplitName
from lightning_modules.data.digits import (
    CACHED_SIZE,
    HANDWRITING,
    SCENES,
    Bytes,
    Floats,
    Point,
    floor,
    glyph,
    handwriting,
)

VERSION = 1  # of the scenes: a change of any pixel needs a new number
SMALLEST = 52  # side of the canvas
GAP = 21  # pixels without ink between a sign and a digit
SIGNS, DIGITS = 4, 3  # in a scene
SIGN_CELL, DIGIT_CELL = 1.0, 1.6  # sides of a sample's pixel; a glyph has 8 x 8
SIGN_DEPTH, DIGIT_DEPTH = 6.0, 9.0  # from the canvas's side to a centre, on average
INK = {SIGN_CELL: 6, DIGIT_CELL: 9}  # from a glyph's centre, at most

DrawScene = Callable[[SplitName, int, int], tuple[Bytes, Bytes]]  # split, index, size


class ProbeScenes:
    """One split of a probe: images (3, S, S) and labels (S, S)."""

    def __init__(
        self, draw: DrawScene, probe: str, name: SplitName, size: int, folder: Path | None
    ) -> None:
        if size < SMALLEST:
            raise InputError(
                f"{probe}: a canvas of {size} pixels a side is too small; it needs at "
                f"least {SMALLEST}"
            )
        self.draw, self.probe, self.name, self.size = draw, probe, name, size

    def __len__(self) -> int:
        return SCENES[self.name]

    def __getitem__(self, index: int) -> tuple[Image, Mask]:
        draw = cached if self.size <= CACHED_SIZE else drawn
        image, labels = draw(self.draw, self.name, index, self.size)
        return Image(torch.from_numpy(image)), Mask(torch.from_numpy(labels))

    def title(self, index: int) -> str:
        return f"scene {index}"

    def check(self, count: int) -> None:
        """Nothing to check: scenes are drawn, not read."""

    @property
    def fingerprint(self) -> str:
        image, labels = self.draw(self.name, 0, SMALLEST)
        digest = hashlib.sha256(image.tobytes() + labels.tobytes()).hexdigest()
        return f"{self.probe} {VERSION} {self.name} {digest[:8]}"


def drawn(draw: DrawScene, split: SplitName, index: int, size: int) -> tuple[Bytes, Bytes]:
    return draw(split, index, size)


cached = lru_cache(maxsize=4096)(drawn)


def generator(split: SplitName, index: int) -> Generator:
    """The randomness of one scene."""
    return np.random.default_rng([VERSION, list(SCENES).index(split), index])


class Layout(NamedTuple):
    """Centres of the signs and of the digits, in pixels."""

    signs: list[Point]
    digits: list[Point]


def layout(random: Generator, size: int) -> Layout:
    """Signs along one of the four sides, digits along the opposite one."""
    side = int(random.integers(4))
    signs = along(random, side, SIGNS, SIGN_DEPTH, size)
    digits = along(random, (side + 2) % 4, DIGITS, DIGIT_DEPTH, size)
    return Layout(signs, digits)


def along(random: Generator, side: int, count: int, depth: float, size: int) -> list[Point]:
    """Centres, one in each of count equal parts of a side: top, left, bottom, right."""
    part = size / count
    places = part * (np.arange(count) + 0.5) + random.uniform(-1, 1, count)
    depths = depth + random.uniform(-0.5, 0.5, count)
    if side >= 2:
        depths = size - depths
    order = [depths, places] if side % 2 == 0 else [places, depths]
    return list(np.stack(order, axis=1))


def handwritten(
    random: Generator, split: SplitName, digit: int, centre: Point, cell: float, size: int
) -> Floats:
    """Coverage (S, S) of a sample of that digit; 0 wherever the sample has no ink."""
    sample = random.choice(samples_of(split, digit))
    sides = cell * random.uniform(0.95, 1.05, 2) / size
    coverage = glyph(random, handwriting()[0][sample], centre / size, sides, size)
    empty = floor(sides, size)
    inked: Floats = np.maximum(coverage - empty, 0) / np.float32(1 - empty)
    return inked


@cache
def samples_of(split: SplitName, digit: int) -> NDArray[np.int64]:
    """The samples of one digit in a split's handwriting."""
    samples = np.array(HANDWRITING[split])
    chosen: NDArray[np.int64] = samples[handwriting()[1][samples] == digit]
    return chosen


def recolour(size: int, fill: Fill) -> nn.Module:
    """Small changes of colour; a change of position could close the gap."""
    transform: nn.Module = v2.Compose(
        [
            v2.RandomChannelPermutation(),
            v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.3),
        ]
    )
    return transform
