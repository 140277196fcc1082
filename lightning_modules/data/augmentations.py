"""How training images are augmented: each way is a function and one line here.

A way is a function of the data set, the side of the crop in pixels and the fill beyond an
image's edge. Its further arguments are its options. It returns a module that turns an
image (3, H, W) and its labels (H, W), uint8 and of any size, into the same of size x size;
its randomness is torch's.
"""

from collections.abc import Callable

from torch import nn

from ablations.errors import unknown_name
from ablations.part_options import naming, plain_part, with_options
from ablations.run_config import RunConfig
from lightning_modules.data.data_source import DataSource, Fill

Augment = Callable[[DataSource, int, Fill], nn.Module]


def dataset(source: DataSource, size: int, fill: Fill) -> nn.Module:
    """The data set's own"""
    return source.augment(size, fill)


AUGMENTATIONS: dict[str, Callable[..., nn.Module]] = {
    "dataset": dataset,
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
        return with_options(AUGMENTATIONS[part.name], part.options, given=3)
