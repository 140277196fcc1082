"""Random scale, crop, flip and colours, as code bases for semantic segmentation train with.

The rules are those of mmsegmentation (https://github.com/open-mmlab/mmsegmentation):
RandomResize, RandomCrop, RandomFlip, PhotoMetricDistortion and padding, in this order.

What is cropped away is never resized: a crop of S x S of the image scaled by f is the
window of S / f pixels of the stored image, resized to S x S. The window's side is a whole
number of pixels, and so f is rounded to S / side. Labels are sampled at the centres of
pixels, so that they lie exactly on the image.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as F
from torchvision.tv_tensors import Image, Mask

from lightning_modules.data.data_source import VOID, Fill, Sample

REDRAWS = 10  # of a window in which one class covers too much


class Scales(NamedTuple):
    """Between which factors an image is scaled, each equally likely.

    They are relative to the image as stored, or, with shorter_side, to the image whose
    shorter side has that many pixels.
    """

    smallest: float
    largest: float
    shorter_side: int | None

    def draw(self, height: int, width: int) -> float:
        """A factor of the image as stored."""
        factor = uniform(self.smallest, self.largest)
        return factor * (self.shorter_side or 1) / self.unit(height, width)

    def unit(self, height: int, width: int) -> int:
        return min(height, width) if self.shorter_side else 1


class Window(NamedTuple):
    """A part of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int


class ScaleCrop(nn.Module):
    """An image (3, H, W) and its labels (H, W) as a random crop of size x size.

    What a crop lacks is filled on the right and below. A window is drawn again, up to ten
    times, while it shows less than two classes, or one of them covers at least the share
    most_of_one_class of its labelled pixels; 1 accepts every window.
    """

    def __init__(
        self,
        size: int,
        scales: Scales,
        most_of_one_class: float,
        flip: float,
        distort: bool,
        fill: Fill,
    ) -> None:
        super().__init__()
        self.size, self.scales, self.fill = size, scales, fill
        self.most_of_one_class = most_of_one_class
        self.flip = v2.RandomHorizontalFlip(flip)
        self.distort = photometric_distortion() if distort else v2.Identity()

    def forward(self, sample: Sample) -> Sample:
        image, labels = sample
        height, width = labels.shape
        side = max(1, round(self.size / self.scales.draw(height, width)))
        window = self.find_window(labels, side)
        image, labels = self.flip(*self.resized(image, labels, window, side))
        missing = [0, 0, self.size - labels.shape[1], self.size - labels.shape[0]]
        image = F.pad(self.distort(image), missing, fill=self.fill[Image])
        return image, F.pad(labels, missing, fill=self.fill[Mask])

    def find_window(self, labels: Tensor, side: int) -> Window:
        """Of side x side pixels, or less where the image ends."""
        window = draw_window(labels, side)
        if self.most_of_one_class < 1:
            for _ in range(REDRAWS):
                if is_mixed(cut(labels, window), self.most_of_one_class):
                    break
                window = draw_window(labels, side)
        return window

    def resized(self, image: Image, labels: Mask, window: Window, side: int) -> Sample:
        """The window in the scale in which side pixels become size."""
        new = [max(1, round(self.size * part / side)) for part in window[2:]]
        pixels = F.resize(cut(image, window), new, InterpolationMode.BILINEAR)
        classes = F.resize(cut(labels, window)[None], new, InterpolationMode.NEAREST_EXACT)
        return Image(pixels), Mask(classes[0])


def draw_window(labels: Tensor, side: int) -> Window:
    """Every place is equally likely."""
    height, width = (min(side, extent) for extent in labels.shape)
    top = torch.randint(labels.shape[0] - height + 1, ()).item()
    left = torch.randint(labels.shape[1] - width + 1, ()).item()
    return Window(int(top), int(left), height, width)


def cut(pixels: Tensor, window: Window) -> Tensor:
    """The window of an image (..., H, W)."""
    top, left, height, width = window
    plain = pixels.as_subclass(Tensor)
    return plain[..., top : top + height, left : left + width]


def is_mixed(labels: Tensor, most: float) -> bool:
    """Whether there are several classes, none of them on this share of labelled pixels."""
    counts = labels.flatten().bincount(minlength=VOID + 1)[:VOID]
    return bool(counts.count_nonzero() > 1 and counts.max() < most * counts.sum())


def uniform(low: float, high: float) -> float:
    return low + (high - low) * torch.rand(()).item()


def photometric_distortion() -> nn.Module:
    """Brightness, contrast, saturation and hue, each in half of the cases.

    Contrast comes before or after the colours. Unlike RandomPhotometricDistort of
    torchvision, it swaps no channels, and ranges are wider: brightness by 32 of 255, hue by
    a tenth. PIL changes the hue in half of the time that torch takes on a CPU.
    """
    contrast = in_half(v2.ColorJitter(contrast=0.5))
    colours = [in_half(v2.ColorJitter(saturation=0.5)), in_half(v2.ColorJitter(hue=0.1))]
    orders = [v2.Compose([contrast, *colours]), v2.Compose([*colours, contrast])]
    brightness = in_half(v2.ColorJitter(brightness=32 / 255))
    distortion: nn.Module = v2.Compose(
        [v2.ToPILImage(), brightness, v2.RandomChoice(orders), v2.ToImage()]
    )
    return distortion


def in_half(transform: nn.Module) -> nn.Module:
    applied: nn.Module = v2.RandomApply([transform], p=0.5)
    return applied
