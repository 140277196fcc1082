"""Efficient attention (EA): attention with linear cost in the number of positions.

Shen, Zhang, Zhao, Yi and Li, "Efficient Attention: Attention with Linear Complexities",
https://arxiv.org/abs/1812.01243, Section 3 and Figure 1; softmax normalisation.

Keys, queries and values have C / 2 channels. With several heads each takes a
consecutive slice of them (https://github.com/cmsflash/efficient-attention).

Shapes: B batch, C channels, R = C // 2 reduced channels, S heads, N = H * W positions.
"""

from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels


class EfficientAttention(AttentionBlock):
    """Pool values into one context per key channel, then mix contexts by queries."""

    def __init__(self, channels: int, heads: int = 1) -> None:
        super().__init__()
        reduced = reduce_channels(channels, 2)
        self.head_shape = heads, reduce_channels(reduced, heads)
        self.key = nn.Conv2d(channels, reduced, kernel_size=1)
        self.query = nn.Conv2d(channels, reduced, kernel_size=1)
        self.value = nn.Conv2d(channels, reduced, kernel_size=1)
        self.expand = nn.Conv2d(reduced, channels, kernel_size=1)

    def direct(self, x: Tensor) -> Tensor:
        key = self.split_heads(self.key(x)).softmax(dim=-1)  # (B, S, R/S, N)
        query = self.split_heads(self.query(x)).softmax(dim=2)
        value = self.split_heads(self.value(x))
        context = key @ value.transpose(2, 3)  # (B, S, R/S, R/S)
        attended = context.transpose(2, 3) @ query  # (B, S, R/S, N)
        attended = attended.reshape(len(x), -1, *x.shape[2:])  # (B, R, H, W)
        residual: Tensor = self.expand(attended)  # (B, C, H, W)
        return x + residual

    def split_heads(self, features: Tensor) -> Tensor:
        return features.reshape(len(features), *self.head_shape, -1)  # (B, S, R/S, N)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels = self.key.weight.shape[:2]
        weights = 4 * channels * reduced
        products = 2 * reduced * self.head_shape[1]
        params = weights + 3 * reduced + channels
        return ClosedForm(params, (weights + products) * height * width)
