"""How a network sees an image of any size: padded to the stride, and cropped back."""

from collections.abc import Callable
from typing import NamedTuple, Self

from torch import Tensor
from torch.nn import functional as F

from ablations.run_config import RunConfig

STRIDE = 32


class Inference(NamedTuple):
    """Stand-in for images of any size."""

    config: RunConfig

    @classmethod
    def of(cls, config: RunConfig) -> Self:
        return cls(config)

    def logits(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """(B, classes, H, W) for images (B, 3, H, W)."""
        height, width = images.shape[2:]
        padding = (0, -width % STRIDE, 0, -height % STRIDE)
        return network(F.pad(images, padding))[:, :, :height, :width]
