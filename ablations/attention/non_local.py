"""Non-local block (NL), embedded-Gaussian form.

Wang, Girshick, Gupta and He, "Non-local Neural Networks",
https://arxiv.org/abs/1711.07971, Section 3.2 and Figure 2.

The scores are not scaled, no key is left out by subsampling, and there is no batch
norm. The last convolution starts at zero (Section 4.1), so a new block is the identity.

Shapes: B batch, C channels, R = C // 2 reduced channels, N = H * W positions.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels


class NonLocal(AttentionBlock):
    """Every position receives a softmax-weighted mean of all positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = reduce_channels(channels, 2)
        self.query = nn.Conv2d(channels, reduced, kernel_size=1)
        self.key = nn.Conv2d(channels, reduced, kernel_size=1)
        self.value = nn.Conv2d(channels, reduced, kernel_size=1)
        self.expand = nn.Conv2d(reduced, channels, kernel_size=1)
        for parameter in self.expand.parameters():
            nn.init.zeros_(parameter)

    def direct(self, x: Tensor) -> Tensor:
        query = self.query(x).flatten(2).transpose(1, 2)  # (B, N, R)
        key = self.key(x).flatten(2)  # (B, R, N)
        value = self.value(x).flatten(2).transpose(1, 2)  # (B, N, R)
        context = (query @ key).softmax(dim=-1) @ value  # (B, N, R)
        context = context.transpose(1, 2).unflatten(2, x.shape[2:])  # (B, R, H, W)
        residual: Tensor = self.expand(context)  # (B, C, H, W)
        return x + residual

    def fast(self, x: Tensor) -> Tensor:
        query, key, value = rows(self.query(x)), rows(self.key(x)), rows(self.value(x))
        context = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        context = context.transpose(2, 3).reshape(x.shape[0], -1, *x.shape[2:])
        residual: Tensor = self.expand(context)  # (B, C, H, W)
        return x + residual

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels, positions = *self.query.weight.shape[:2], height * width
        convolutions, products = 4 * channels * reduced, 2 * positions * reduced
        params = convolutions + 3 * reduced + channels
        return ClosedForm(params, (convolutions + products) * positions)


def rows(features: Tensor) -> Tensor:
    """(B, R, H, W) to (B, 1, N, R), in the order that the CPU's fused kernel requires."""
    return features.flatten(2).transpose(1, 2).unsqueeze(1).contiguous()
