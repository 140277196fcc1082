"""The two blocks that a reading note on polarized self-attention proposes.

AsTheStarsFall's note on https://arxiv.org/abs/2107.00782 reads each PSA branch as
the other kind of attention taken one step further, and builds both ideas from parts
of CBAM and SE. Its two snippets do not run as printed (constructor order, misspelt
names); this is what they plainly mean.

Shapes: B batch, C channels, R = C // ratio reduced channels, N = H * W positions.
"""

import torch
from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels


class SpatialAwareChannelAttention(AttentionBlock):
    """One weight per channel: the sum of the input under CBAM's spatial mask.

    The sum is neither averaged nor gated, so weights grow with the number of positions.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.conv = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)

    def direct(self, x: Tensor) -> Tensor:
        weights = (x * self.mask(x)).sum(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
        return x * weights  # (B, C, H, W)

    def mask(self, x: Tensor) -> Tensor:
        pooled = torch.stack([x.mean(dim=1), x.amax(dim=1)], dim=1)  # (B, 2, H, W)
        scores: Tensor = self.conv(pooled)  # (B, 1, H, W)
        return scores.sigmoid()

    def closed_form(self, height: int, width: int) -> ClosedForm:
        kernel = 2 * 7 * 7
        return ClosedForm(params=kernel, macs=kernel * height * width)


class ExcitedSpatialAttention(AttentionBlock):
    """One weight per position: the sum of the input under SE's channel weights.

    Neither the channel weights nor the sum pass a sigmoid.
    """

    def __init__(self, channels: int, ratio: int = 16) -> None:
        super().__init__()
        reduced = reduce_channels(channels, ratio)
        self.reduce = nn.Conv2d(channels, reduced, kernel_size=1, bias=False)
        self.expand = nn.Conv2d(reduced, channels, kernel_size=1, bias=False)

    def direct(self, x: Tensor) -> Tensor:
        weights = (x * self.excitation(x)).sum(dim=1, keepdim=True)  # (B, 1, H, W)
        return x * weights  # (B, C, H, W)

    def excitation(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
        excited: Tensor = self.expand(self.reduce(pooled).relu())
        return excited

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels = self.reduce.weight.shape[:2]
        return ClosedForm(params=2 * channels * reduced, macs=2 * channels * reduced)
