"""How a network is applied to images of any size, once or averaged over several views.

`whole` and `slide` are the modes of mmsegmentation, with its windows (512 every 341 pixels)
and its test-time augmentation: mirror images, in one size or in six. Padding is 0, which is
the mean colour of a normalised image. Shape letters: B images, H x W pixels.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ablations.bare_models import BareModel
from ablations.contract import Size
from ablations.errors import InputError, quoted
from ablations.models import check_size, mask_size
from ablations.run_config import RunConfig

Network = Callable[[Tensor], Tensor]  # (B, 3, H, W) -> (B, classes, H, W)
SCALES = {"none": (), "flip": (1.0,), "multi_scale": (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)}
MULTIPLES = (1, 2, 4, 8)  # of the output stride: PAN needs 8
ANY = 2  # classes: no size depends on their number


class Inference(NamedTuple):
    """How a network of a configuration is applied, once it is trained."""

    way: Literal["dataset", "center_crop", "whole", "slide"]
    scales: tuple[float, ...]  # each with and without mirroring, for averaged
    size: int  # side of the images of the training
    bare: BareModel  # decides which sizes a network takes
    batch_size: int  # windows that are computed together

    @classmethod
    def of(cls, config: RunConfig) -> "Inference":
        return cls(
            config.inference,
            SCALES[config.test_augmentation],
            config.image_size,
            BareModel(config.model, config.encoder, ANY),
            config.batch_size,
        )

    @property
    def one_size(self) -> bool:
        """Whether what is scored of each image has the same size, so that it is batched."""
        return self.way in ("dataset", "center_crop")

    def check(self) -> None:
        """InputError for a network that does not take the sizes which are due."""
        if self.way == "whole" or (self.way != "slide" and self.scales not in ((), (1,))):
            side_step(self.bare)

    def logits(self, network: Network, images: Tensor) -> Tensor:
        """Of every pixel (B, classes, H, W), whatever the size of the images."""
        if self.way == "slide":
            return slide(network, images, self.size, self.batch_size)
        if images.shape[2:] == (self.size, self.size):
            return network(images)
        height, width = images.shape[2:]
        step = side_step(self.bare)
        padded = pad(images, (-(-height // step) * step, -(-width // step) * step))
        return network(padded)[:, :, :height, :width]

    def averaged(self, network: Network, images: Tensor) -> Tensor:
        """The logarithm of the mean probability over all views (B, classes, H, W).

        Like any logits, these are turned into the probabilities by a softmax. The views are
        computed one after another, so they need hardly more memory than the largest.
        """
        views = [(scale, mirror) for scale in self.scales for mirror in (False, True)]
        parts = (self.probabilities(network, images, *view) for view in views)
        total = next(parts)
        for part in parts:
            total += part
        return (total / len(views)).clamp(min=torch.finfo(total.dtype).tiny).log()

    def probabilities(
        self, network: Network, images: Tensor, scale: float, mirror: bool
    ) -> Tensor:
        """What a network says of one view, at the images' own size (B, classes, H, W)."""
        height, width = images.shape[2:]
        view = resize(images, (scaled(height, scale), scaled(width, scale)))
        view = view.flip(-1) if mirror else view
        logits = self.logits(network, view).float()
        logits = logits.flip(-1) if mirror else logits
        return resize(logits, (height, width)).softmax(dim=1)


def slide(network: Network, images: Tensor, size: int, batch_size: int) -> Tensor:
    """Logits, averaged over windows of size x size, every two thirds (B, classes, H, W).

    The last windows end at the edge; an image that is smaller than a window is padded.
    About batch_size windows are computed together.
    """
    batch, _, height, width = images.shape
    images = pad(images, (max(height, size), max(width, size)))
    corners = [
        (top, left)
        for top in window_starts(images.shape[2], size)
        for left in window_starts(images.shape[3], size)
    ]
    together = max(1, batch_size // batch)
    total, visits = torch.zeros(()), images.new_zeros(images.shape[2:], dtype=torch.int)
    for begin in range(0, len(corners), together):
        some = corners[begin : begin + together]
        logits = network(
            windows(images, some, size)
        ).float()  # (windows x B, classes, S, S)
        if not total.ndim:
            total = logits.new_zeros(batch, logits.shape[1], *images.shape[2:])
        for corner, part in zip(some, torch.split(logits, batch), strict=True):
            at(total, corner, size).add_(part)
            at(visits, corner, size).add_(1)
    return (total / visits)[:, :, :height, :width]


def window_starts(extent: int, size: int) -> list[int]:
    """Where windows begin along an extent of at least their size."""
    stride = max(1, size * 2 // 3)
    count = -(-(extent - size) // stride) + 1
    return [min(number * stride, extent - size) for number in range(count)]


def windows(images: Tensor, corners: Sequence[tuple[int, int]], size: int) -> Tensor:
    """The windows of all images at one corner, then those at the next."""
    return torch.cat([at(images, corner, size) for corner in corners])


def at(images: Tensor, corner: tuple[int, int], size: int) -> Tensor:
    """A view of the window (..., size, size) whose top and left these are."""
    top, left = corner
    return images[..., top : top + size, left : left + size]


def pad(images: Tensor, size: Size) -> Tensor:
    """Zeros on the right and below, up to a size."""
    height, width = images.shape[2:]
    return F.pad(images, (0, size[1] - width, 0, size[0] - height))


def resize(images: Tensor, size: Size) -> Tensor:
    if images.shape[2:] == size:
        return images
    return F.interpolate(images, size, mode="bilinear", align_corners=False)


def scaled(side: int, scale: float) -> int:
    return max(1, round(side * scale))


@cache
def side_step(bare: BareModel) -> int:
    """The number of pixels whose every multiple a model takes as height and as width.

    It is the output stride, or a multiple of it. InputError if there is none, as for
    transformers of one image size.
    """
    stride: int = bare.meta().encoder.output_stride  # type: ignore[union-attr, assignment]
    for step in (stride * multiple for multiple in MULTIPLES):
        if all(takes(bare, size) for size in ((step, step), (3 * step, 2 * step))):
            return step
    raise InputError(
        f"model {quoted(bare.model)} with encoder {quoted(bare.encoder)} does not take "
        "images of any size; inference = 'slide' needs only those of image_size"
    )


def takes(bare: BareModel, size: Size) -> bool:
    """Whether a model returns masks of a size for images of it."""
    try:
        check_size(bare, size)
    except InputError:
        return False
    return mask_size(bare, size) == size
