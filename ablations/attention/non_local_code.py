"""Non-local block as its authors released it (NL, code).

Wang, Girshick, Gupta and He, "Non-local Neural Networks",
https://arxiv.org/abs/1711.07971, and https://github.com/facebookresearch/video-nonlocal-net
with the defaults of its configuration. It departs from Section 3.2 (non_local.py):

scores   times R^-0.5
pooling  keys and values are made of maxima of 2x2 windows: a quarter of the products
norm     after the last convolution; its weight starts at zero (the identity)
start    of convolution weights: a normal distribution of deviation 0.01; of biases: zero

The windows do not overlap, and an odd last row or column is left out, as in the released
code. Here a side of 1, which has no window, is not pooled.

Shapes: B batch, C channels, R = C // 2 reduced channels, N = H * W positions, M keys.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels
from ablations.attention.non_local import rows


class ReleasedNonLocal(AttentionBlock):
    """Every position receives a softmax-weighted mean of positions on a coarser grid."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = reduce_channels(channels, 2)
        self.query = nn.Conv2d(channels, reduced, kernel_size=1)
        self.key = nn.Conv2d(channels, reduced, kernel_size=1)
        self.value = nn.Conv2d(channels, reduced, kernel_size=1)
        self.expand = nn.Conv2d(reduced, channels, kernel_size=1)
        self.norm = nn.BatchNorm2d(channels)
        for convolution in (self.query, self.key, self.value, self.expand):
            nn.init.normal_(convolution.weight, std=0.01)
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
        nn.init.zeros_(self.norm.weight)

    def direct(self, x: Tensor) -> Tensor:
        pooled = pool_windows(x)  # (B, C, H/2, W/2)
        query = self.query(x).flatten(2).transpose(1, 2)  # (B, N, R)
        key = self.key(pooled).flatten(2)  # (B, R, M)
        value = self.value(pooled).flatten(2).transpose(1, 2)  # (B, M, R)
        scores = (query @ key) * key.shape[1] ** -0.5  # (B, N, M)
        context = scores.softmax(dim=-1) @ value  # (B, N, R)
        return x + self.residual(
            context.transpose(1, 2).reshape(x.shape[0], -1, *x.shape[2:])
        )

    def fast(self, x: Tensor) -> Tensor:
        """No (N, M) map is held."""
        pooled = pool_windows(x)  # (B, C, H/2, W/2)
        query, key, value = self.query(x), self.key(pooled), self.value(pooled)
        context = F.scaled_dot_product_attention(rows(query), rows(key), rows(value))
        context = context.transpose(2, 3).reshape(x.shape[0], -1, *x.shape[2:])
        return x + self.residual(context)

    def residual(self, context: Tensor) -> Tensor:
        residual: Tensor = self.norm(self.expand(context))  # (B, C, H, W)
        return residual

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels, positions = *self.query.weight.shape[:2], height * width
        keys = max(1, height // 2) * max(1, width // 2)
        at_positions, at_keys = 2 * channels * reduced, 2 * channels * reduced
        params = at_positions + at_keys + 3 * reduced + 3 * channels
        products = 2 * positions * keys * reduced
        return ClosedForm(params, at_positions * positions + at_keys * keys + products)


def pool_windows(x: Tensor) -> Tensor:
    """The maxima of 2x2 windows; of 1x2 or 2x1 windows if a side is 1."""
    return F.max_pool2d(x, kernel_size=[min(2, side) for side in x.shape[2:]])
