"""Convolutional block attention module (CBAM).

Woo, Park, Lee and Kweon, "CBAM: Convolutional Block Attention Module",
https://arxiv.org/abs/1807.06521, Section 3 and Figure 2; ratio 16.

The released code (https://github.com/Jongchan/attention-module) adds a batch norm
with momentum 0.01 after the 7x7 convolution, which the paper does not mention, and starts
its weight at zero, so that every spatial weight of a new block is 0.5. So does this one.

Shapes: B batch, C channels, R = C // ratio reduced channels.
"""

import torch
from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels
from ablations.attention.fast import feature_map
from ablations.attention.fast.maxima import largest
from ablations.attention.fast.passes import is_recorded, piecewise


class CBAM(AttentionBlock):
    """Channel weights, then position weights, each from mean and maximum."""

    def __init__(self, channels: int, ratio: int = 16) -> None:
        super().__init__()
        reduced = reduce_channels(channels, ratio)
        self.reduce = nn.Linear(channels, reduced)
        self.expand = nn.Linear(reduced, channels)
        self.conv = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)
        nn.init.zeros_(self.norm.weight)

    def direct(self, x: Tensor) -> Tensor:
        x, position = self.weigh_channels(x)
        return x * position

    def weigh_channels(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x times its channel weights, and the position weights of that, (B, 1, H, W)."""
        features = x.flatten(2)  # (B, C, N)
        channel = self.channel_weights(features.mean(dim=2), largest(features, dim=2))
        x = x * channel[:, :, None, None]
        pooled = torch.stack([largest(x, dim=1), x.mean(dim=1)], dim=1)  # (B, 2, H, W)
        return x, self.spatial_weights(pooled)

    def fast(self, x: Tensor) -> Tensor:
        """Keeps no second feature map for gradients; without them, needs only a buffer."""
        if not (torch.is_grad_enabled() or self.norm.training or is_recorded()):

            def weigh(x: Tensor, buffer: Tensor) -> tuple[Tensor]:
                return (torch.mul(*self.weigh_channels(x), out=buffer),)

            return piecewise(weigh, (torch.empty_like(x),), x)[0]
        features = feature_map(x)
        maxima, means = features.pool_positions().unbind(dim=2)  # (B, C)
        channel = self.channel_weights(means, maxima).unsqueeze(2)  # (B, C, 1)
        pooled = features.pool_channels(channel)  # (B, 2, N)
        position = self.spatial_weights(pooled.reshape(x.shape[0], 2, *x.shape[2:]))
        return features.times_product(channel, position.flatten(2))

    def channel_weights(self, means: Tensor, maxima: Tensor) -> Tensor:
        return (self.excite(means) + self.excite(maxima)).sigmoid()  # (B, C)

    def excite(self, pooled: Tensor) -> Tensor:
        hidden = self.reduce(pooled).relu()  # (B, R)
        scores: Tensor = self.expand(hidden)  # (B, C)
        return scores

    def spatial_weights(self, pooled: Tensor) -> Tensor:
        scores: Tensor = self.norm(self.conv(pooled))  # (B, 1, H, W)
        return scores.sigmoid()

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels = self.reduce.weight.shape
        kernel = 2 * 7 * 7
        params = 2 * channels * reduced + reduced + channels + kernel + 2
        return ClosedForm(params, 4 * channels * reduced + kernel * height * width)
