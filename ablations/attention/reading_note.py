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
from ablations.attention.fast import feature_map
from ablations.attention.fast.maxima import largest
from ablations.attention.fast.pointwise import pointwise


class SpatialAwareChannelAttention(AttentionBlock):
    """One weight per channel: the sum of the input under CBAM's spatial mask.

    The sum is neither averaged nor gated, so weights grow with the number of positions.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.conv = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)

    def direct(self, x: Tensor) -> Tensor:
        pooled = torch.stack([x.mean(dim=1), largest(x, dim=1)], dim=1)  # (B, 2, H, W)
        weights = (x * self.mask(pooled)).sum(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
        return x * weights  # (B, C, H, W)

    def fast(self, x: Tensor) -> Tensor:
        features = feature_map(x)
        equal = x.new_full((1, 1, self.channels), 1 / self.channels)
        mean, largest = features.sum_channels(equal), features.max_channels()  # (B, 1, N)
        pooled = torch.cat([mean, largest], dim=1).reshape(x.shape[0], 2, *x.shape[2:])
        mask = self.mask(pooled).flatten(2)  # (B, 1, N)
        return features.times(features.sum_positions(mask).transpose(1, 2))

    def mask(self, pooled: Tensor) -> Tensor:
        scores: Tensor = self.conv(pooled)  # (B, 1, H, W)
        return scores.sigmoid()

    def closed_form(self, height: int, width: int) -> ClosedForm:
        """In fast evaluation only, the weighted sums are matrix products, which count."""
        kernel = 2 * 7 * 7
        sums = 2 * self.channels if self.evaluation == "fast" else 0
        return ClosedForm(params=kernel, macs=(kernel + sums) * height * width)


class ExcitedSpatialAttention(AttentionBlock):
    """One weight per position: the sum of the input under SE's channel weights.

    Neither the channel weights nor the sum pass through a sigmoid.
    """

    def __init__(self, channels: int, ratio: int = 16) -> None:
        super().__init__()
        reduced = reduce_channels(channels, ratio)
        self.reduce = nn.Conv2d(channels, reduced, kernel_size=1, bias=False)
        self.expand = nn.Conv2d(reduced, channels, kernel_size=1, bias=False)

    def direct(self, x: Tensor) -> Tensor:
        weights = (x * self.excitation(x)).sum(dim=1, keepdim=True)  # (B, 1, H, W)
        return x * weights  # (B, C, H, W)

    def fast(self, x: Tensor) -> Tensor:
        features = feature_map(x)
        hidden = pointwise(self.reduce, features.mean_positions()).relu()  # (B, 1, R)
        excitation = pointwise(self.expand, hidden)  # (B, 1, C)
        return features.times(features.sum_channels(excitation))

    def excitation(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
        excited: Tensor = self.expand(self.reduce(pooled).relu())
        return excited

    def closed_form(self, height: int, width: int) -> ClosedForm:
        """In fast evaluation only, the weighted sums are matrix products, which count."""
        reduced, channels = self.reduce.weight.shape[:2]
        sums = 2 * channels * height * width if self.evaluation == "fast" else 0
        return ClosedForm(2 * channels * reduced, 2 * channels * reduced + sums)
