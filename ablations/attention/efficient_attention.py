"""Efficient attention (EA): attention with linear cost in the number of positions.

Shen, Zhang, Zhao, Yi and Li, "Efficient Attention: Attention with Linear Complexities",
https://arxiv.org/abs/1812.01243, Section 3 and Figure 1; softmax normalisation.

Keys, queries and values have C / 2 channels. With several heads each takes a
consecutive slice of them (https://github.com/cmsflash/efficient-attention).

Shapes: B batch, C channels, R = C // 2 reduced channels, S heads, N = H * W positions.
"""

from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels
from ablations.attention.fast import feature_map
from ablations.attention.fast.pointwise import matrix_form


class EfficientAttention(AttentionBlock):
    """Pool values into one context per key channel, then mix contexts by queries."""

    def __init__(self, channels: int, heads: int = 1) -> None:
        super().__init__()
        self.head_shape = heads, reduce_channels(channels, 2 * heads)
        reduced = channels // 2
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
        attended = attended.reshape(x.shape[0], -1, *x.shape[2:])  # (B, R, H, W)
        residual: Tensor = self.expand(attended)  # (B, C, H, W)
        return x + residual

    def fast(self, x: Tensor) -> Tensor:
        """Keys pool x itself, and the last convolution acts on contexts.

        That moves C^2 N / 2S multiply-adds from positions to channels: a gain if N > C.
        Each key sums to one, so that the bias of the values passes through.
        """
        if x.shape[2] * x.shape[3] <= x.shape[1]:
            return self.direct(x)
        features = feature_map(x)
        pooled = self.split_heads(features.pool_softmax(*matrix_form(self.key)))
        value, value_bias = matrix_form(self.value)  # (R, C), (R)
        expand, expand_bias = matrix_form(self.expand)  # (C, R), (C)
        query, query_bias = matrix_form(self.query)  # (R, C), (R)
        value = value.reshape(*self.head_shape, -1)  # (S, R/S, C)
        context = pooled @ value.transpose(1, 2)  # (B, S, R/S, R/S)
        context = context + value_bias.reshape(-1, 1, self.head_shape[1])
        weights = (context @ expand.t().reshape(value.shape)).flatten(1, 2)  # (B, R, C)
        query = query.reshape(value.shape)
        return features.plus_mix(weights, expand_bias, query, query_bias)

    def split_heads(self, features: Tensor) -> Tensor:
        return features.reshape(features.shape[0], *self.head_shape, -1)  # (B, S, R/S, N)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels, positions = *self.key.weight.shape[:2], height * width
        weights = 4 * channels * reduced
        products = 2 * reduced * self.head_shape[1]
        reordered = self.evaluation == "fast" and positions > channels
        return ClosedForm(
            params=weights + 3 * reduced + channels,
            macs=weights * positions + products * (channels if reordered else positions),
        )
