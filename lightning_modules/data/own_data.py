"""A user's own data set, named by import path, and what it promises.

Whatever the user's code raises, and whatever it returns that a data set does not promise,
is one line.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.tv_tensors import Image, Mask

from ablations.errors import InputError, quoted
from ablations.own_code import OWN_SECONDS, own_errors
from ablations.time_limit import at_most
from lightning_modules.data.data_source import VOID, DataSource, Sample, Split, SplitName

MIDDLE_GREY = {Image: [128, 128, 128], Mask: VOID}


def own_source(text: str, build: Callable[[], Any]) -> DataSource:
    """The data set that a user's function or class makes; InputError if it is none."""
    what = f"data set {text!r}"
    with own_errors(what), at_most(OWN_SECONDS, "making it"):
        source = build()
        check_source(source)

    def open_split(name: SplitName, size: int, folder: Path | None) -> OwnSplit:
        with own_errors(f"{what}, {name}"), at_most(OWN_SECONDS, "opening it"):
            split = OwnSplit(
                source.open(name, size, folder), len(source.classes), what, name
            )
        split.check_first(source, size)
        return split

    checked: DataSource = source._replace(open=open_split)
    return checked


def check_source(source: object) -> None:
    if not isinstance(source, DataSource):
        raise InputError(f"returns {type(source).__name__}, but must return a DataSource")
    classes = source.classes
    if not isinstance(classes, tuple) or not all(isinstance(name, str) for name in classes):
        raise InputError(f"classes = {quoted(classes)}: must be a tuple of names")
    if not 2 <= len(set(classes)) == len(classes) <= VOID:
        raise InputError(
            f"classes = {quoted(classes)}: must be 2 to {VOID} different names"
        )
    if not isinstance(source.label, str) or not source.label.isprintable():
        raise InputError(f"label = {quoted(source.label)}: must be a text of one line")
    for name in ("open", "augment", "prepare"):
        if not callable(getattr(source, name)):
            raise InputError(
                f"{name} = {quoted(getattr(source, name))}: must be a function"
            )


class OwnSplit:
    """A user's split: each image is checked when it is read."""

    def __init__(self, split: Split, classes: int, what: str, name: SplitName) -> None:
        self.split, self.classes, self.name = split, classes, name
        self.what = f"{what}, {name}"
        if len(split) < 1:
            raise InputError("has no images")
        self.fingerprint = split.fingerprint
        if not isinstance(self.fingerprint, str) or not self.fingerprint.isprintable():
            raise InputError(
                f"fingerprint = {quoted(self.fingerprint)}: must be a text of one line"
            )

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> Sample:
        with own_errors(f"{self.what}, image {index}"):
            sample = self.split[index]
            check_sample(sample, self.classes)
        return sample

    def title(self, index: int) -> str:
        with own_errors(f"{self.what}, title of image {index}"):
            return str(self.split.title(index))

    def check(self, count: int) -> None:
        with own_errors(self.what):
            self.split.check(count)

    def check_first(self, source: DataSource, size: int) -> None:
        """InputError if the first image does not become a square of that size."""
        sample = self[0]
        self.title(0)
        ways = {
            "prepare": partial(source.prepare, size),
            "augment": partial(source.augment, size, MIDDLE_GREY),
        }
        for name, make in ways.items():
            with (
                own_errors(f"{self.what}, {name}"),
                at_most(OWN_SECONDS, f"{name} of one image"),
                torch.random.fork_rng(devices=[]),
            ):
                check_square(make(), sample, size, self.classes)


def check_square(transform: nn.Module, sample: Sample, size: int, classes: int) -> None:
    result = transform(sample)
    check_sample(result, classes)
    if (shape := tuple(result[0].shape)) != (3, size, size):
        raise InputError(
            f"returns an image of shape {shape}; promised is {(3, size, size)}"
        )


def check_sample(sample: object, classes: int) -> None:
    """InputError unless it is an image (3, H, W) and labels (H, W) of known classes."""
    if not isinstance(sample, tuple) or len(sample) != 2:
        raise InputError(f"is {type(sample).__name__}; promised is a pair (image, labels)")
    image, labels = sample
    check_tensor("image", image, Image)
    check_tensor("labels", labels, Mask)
    if image.ndim != 3 or image.shape[0] != 3 or labels.shape != image.shape[1:]:
        raise InputError(
            f"image and labels have the shapes {tuple(image.shape)} and "
            f"{tuple(labels.shape)}; promised are (3, H, W) and (H, W)"
        )
    wrong = labels[(labels >= classes) & (labels != VOID)]
    if wrong.numel():
        raise InputError(
            f"label {int(wrong.max())} in {wrong.numel():,} pixels; promised are 0 to "
            f"{classes - 1}, and {VOID} for void"
        )


def check_tensor(name: str, value: object, kind: type[Tensor]) -> None:
    if not isinstance(value, kind) or value.dtype != torch.uint8:
        dtype = f" of {value.dtype}" if isinstance(value, Tensor) else ""
        raise InputError(
            f"{name} has the type {type(value).__name__}{dtype}; promised is "
            f"tv_tensors.{kind.__name__} of torch.uint8"
        )
