"""What of an image as stored is scored: the part that the key inference names."""

from torch import nn
from torchvision.transforms.v2 import Identity
from torchvision.transforms.v2 import functional as F
from torchvision.tv_tensors import Image, Mask

from ablations.run_config import RunConfig
from lightning_modules.data.data_source import DataSource, Fill, Sample


class MiddleCrop(nn.Module):
    """The middle of an image, of size x size; a smaller image gets an edge around it."""

    def __init__(self, size: int, fill: Fill) -> None:
        super().__init__()
        self.size, self.fill = size, fill

    def forward(self, sample: Sample) -> Sample:
        image, labels = sample
        missing = [max(0, self.size - side) for side in labels.shape]
        top, left = (side // 2 for side in missing)
        edge = [left, top, missing[1] - left, missing[0] - top]
        image = F.pad(image, edge, fill=self.fill[Image])
        labels = F.pad(labels, edge, fill=self.fill[Mask])
        size = [self.size, self.size]
        return F.center_crop(image, size), F.center_crop(labels, size)


def scored_part(config: RunConfig, source: DataSource, fill: Fill) -> nn.Module:
    """What turns an image as stored into what is scored of it."""
    if config.inference == "dataset":
        return source.prepare(config.image_size)
    if config.inference == "center_crop":
        return MiddleCrop(config.image_size, fill)
    whole: nn.Module = Identity()
    return whole
