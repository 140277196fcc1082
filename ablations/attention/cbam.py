"""Convolutional block attention module (CBAM).

Woo, Park, Lee and Kweon, "CBAM: Convolutional Block Attention Module",
https://arxiv.org/abs/1807.06521, Section 3 and Figure 2; ratio 16.

The released code (https://github.com/Jongchan/attention-module) adds a batch norm
with momentum 0.01 after the 7x7 convolution, which the paper does not mention. So
does this one.

Shapes: B batch, C channels, R = C // ratio reduced channels.
"""

import torch
from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels


class CBAM(AttentionBlock):
    """Channel weights, then position weights, each from mean and maximum."""

    def __init__(self, channels: int, ratio: int = 16) -> None:
        super().__init__()
        reduced = reduce_channels(channels, ratio)
        self.reduce = nn.Linear(channels, reduced)
        self.expand = nn.Linear(reduced, channels)
        self.conv = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)

    def direct(self, x: Tensor) -> Tensor:
        x = x * self.channel_weights(x)
        return x * self.spatial_weights(x)

    def channel_weights(self, x: Tensor) -> Tensor:
        scores = self.excite(x.mean(dim=(2, 3))) + self.excite(x.amax(dim=(2, 3)))  # (B, C)
        return scores.sigmoid()[:, :, None, None]  # (B, C, 1, 1)

    def excite(self, pooled: Tensor) -> Tensor:
        hidden = self.reduce(pooled).relu()  # (B, R)
        scores: Tensor = self.expand(hidden)  # (B, C)
        return scores

    def spatial_weights(self, x: Tensor) -> Tensor:
        pooled = torch.stack([x.amax(dim=1), x.mean(dim=1)], dim=1)  # (B, 2, H, W)
        scores: Tensor = self.norm(self.conv(pooled))  # (B, 1, H, W)
        return scores.sigmoid()

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels = self.reduce.weight.shape
        kernel = 2 * 7 * 7
        params = 2 * channels * reduced + reduced + channels + kernel + 2
        return ClosedForm(params, 4 * channels * reduced + kernel * height * width)
