"""Photographs as squares: scaled by their shorter side, then cropped."""

from torch import nn
from torchvision.transforms import v2

from lightning_modules.data.data_source import Fill


def augment(size: int, fill: Fill) -> nn.Module:
    """Scale by 0.5 to 2, crop and flip; void where a crop extends beyond the edge.

    At scale 1 the shorter side of an image is as long as that of the crop.
    """
    transform: nn.Module = v2.Compose(
        [
            v2.RandomResize(size // 2, 2 * size),
            v2.RandomCrop(size, pad_if_needed=True, fill=fill),
            v2.RandomHorizontalFlip(),
        ]
    )
    return transform


def prepare(size: int) -> nn.Module:
    """The middle of the image, as large as its shorter side allows."""
    transform: nn.Module = v2.Compose([v2.Resize(size), v2.CenterCrop(size)])
    return transform
