"""A data set as its file defines it: classes, splits, and how images become a size."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from torch import nn
from torchvision.tv_tensors import Image, Mask

from lightning_modules.data.probe import Probe

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
Sample = tuple[Image, Mask]
VOID = 255  # label of pixels that count neither in the loss nor in mIoU
Fill = dict[type, Any]  # beyond an image's edge: the mean colour, and VOID
Colour = tuple[float, float, float]  # red, green, blue, in [0, 1]


class Split(Protocol):
    """Images (3, H, W) and labels (H, W) as stored: uint8, of any size."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...

    def title(self, index: int) -> str:
        """What people call an image: its file in the data set, or the number of a scene."""

    @property
    def fingerprint(self) -> str:
        """What the pixels depend on; equal if and only if the data are the same."""

    def check(self, count: int) -> None:
        """InputError if one of the first count is visibly wrong without decoding."""


class DataSource(NamedTuple):
    """A data set: its label, its classes, and how a split is opened and resized."""

    label: str
    classes: tuple[str, ...]
    open: Callable[[SplitName, int, Path | None], Split]  # split, size, data folder
    augment: Callable[[int, Fill], nn.Module]  # by size; random, from torch's generator
    prepare: Callable[[int], nn.Module]  # by size; deterministic
    probe: Probe | None = None  # if it asks for information from far away
    colours: tuple[Colour, ...] | None = None  # of the classes in pictures
    splits: tuple[SplitName, ...] = SPLITS  # that can be opened
