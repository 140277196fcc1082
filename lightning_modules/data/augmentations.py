"""How training images are augmented: each way is a function and one line here.

The function's arguments are the options of the way. It returns a function of the data set,
the side of the crop in pixels and the fill beyond an image's edge, and that function a
module: from an image (3, H, W) and its labels (H, W), uint8 and of any size, it makes the
same of size x size. Its randomness is torch's.
"""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field
from torch import nn

from ablations.errors import InputError, unknown_name
from ablations.part_options import naming, plain_part, with_options
from ablations.run_config import RunConfig
from lightning_modules.data.data_source import DataSource, Fill
from lightning_modules.data.scale_crop import ScaleCrop, Scales

Augment = Callable[[DataSource, int, Fill], nn.Module]
Factor = Annotated[float, Field(gt=0, le=100)]
Share = Annotated[float, Field(gt=0, le=1)]
Chance = Annotated[float, Field(ge=0, le=1)]


def dataset() -> Augment:
    """The data set's own"""
    return lambda source, size, fill: source.augment(size, fill)


def scale_crop(
    smallest: Factor = 0.5,
    largest: Factor = 2.0,
    shorter_side: Annotated[int, Field(ge=1, le=65536)] | None = None,
    most_of_one_class: Share = 1.0,
    flip: Chance = 0.5,
    distort: bool = False,
) -> Augment:
    """Random scale, crop with void beyond the edge, flip and, with distort, colours

    Scales are relative to the image as stored, or to the image of that shorter_side. At
    most_of_one_class = 0.75 crops are drawn again, up to ten times, until no class covers
    75 % of the labelled pixels. flip is how often an image is mirrored.
    """
    if smallest > largest:
        raise InputError(f"smallest = {smallest:g} is more than largest = {largest:g}")
    scales = Scales(smallest, largest, shorter_side)

    def augment(source: DataSource, size: int, fill: Fill) -> nn.Module:
        return ScaleCrop(size, scales, most_of_one_class, flip, distort, fill)

    return augment


AUGMENTATIONS: dict[str, Callable[..., Augment]] = {
    "dataset": dataset,
    "scale_crop": scale_crop,
}


def augmentation(config: RunConfig, source: DataSource, fill: Fill) -> nn.Module:
    """What turns an image as stored into a training image of config."""
    return find_augmentation(config.augmentation)(source, config.image_size, fill)


def find_augmentation(text: str) -> Augment:
    """The augmentation of that name and its options; InputError lists the known ones."""
    part = plain_part("augmentation", text)
    if part.name not in AUGMENTATIONS:
        raise unknown_name("augmentation", part.name, AUGMENTATIONS)
    with naming("augmentation", text):
        augment: Augment = with_options(AUGMENTATIONS[part.name], part.options, given=0)()
    return augment
