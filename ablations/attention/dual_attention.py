"""Dual attention (DA): position and channel attention side by side.

Fu, Liu, Tian, Li, Bao, Fang and Lu, "Dual Attention Network for Scene Segmentation",
https://arxiv.org/abs/1809.02983, Section 3 and Figure 3.

The block is the sum of both modules, each with its own residual, as in the figure and
the released code (https://github.com/junfu1115/DANet). The 3x3 convolutions around them
belong to that network's head and are not part of it. Both gains start at zero.

Shapes: B batch, C channels, R = C // 8 reduced channels, N = H * W positions.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels
from ablations.attention.fast.pointwise import matrix_form
from ablations.attention.fast.streaming_attention import streaming_attention


class PositionAttention(AttentionBlock):
    """Every position receives a softmax-weighted mean of all positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = reduce_channels(channels, 8)
        self.query = nn.Conv2d(channels, reduced, kernel_size=1)
        self.key = nn.Conv2d(channels, reduced, kernel_size=1)
        self.value = nn.Conv2d(channels, channels, kernel_size=1)
        self.gain = nn.Parameter(torch.zeros(1))

    def direct(self, x: Tensor) -> Tensor:
        query = self.query(x).flatten(2).transpose(1, 2)  # (B, N, R)
        key = self.key(x).flatten(2)  # (B, R, N)
        value = self.value(x).flatten(2)  # (B, C, N)
        weights = (query @ key).softmax(dim=-1)  # (B, N, N)
        context: Tensor = value @ weights.transpose(1, 2)  # (B, C, N)
        return self.gain * context.reshape(x.shape) + x  # (B, C, H, W)

    def fast(self, x: Tensor) -> Tensor:
        """No (N, N) map is held, and the gain is applied to the convolution's weights."""
        query = self.query(x).flatten(2).transpose(1, 2)  # (B, N, R)
        key = self.key(x).flatten(2)  # (B, R, N)
        matrix, bias = matrix_form(self.value)  # (C, C), (C)
        weight = (self.gain * matrix)[:, :, None, None]  # (C, C, 1, 1)
        value = F.conv2d(x, weight, self.gain * bias).flatten(2)  # (B, C, N)
        context = streaming_attention(query, key, value.transpose(1, 2))  # (B, N, C)
        return context.transpose(1, 2).reshape(x.shape) + x  # (B, C, H, W)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels, positions = *self.query.weight.shape[:2], height * width
        weights = channels * (channels + 2 * reduced)
        products = positions * (channels + reduced)
        return ClosedForm(
            weights + channels + 2 * reduced + 1, (weights + products) * positions
        )


class ChannelAttention(AttentionBlock):
    """Every channel receives a mean of all channels; the least similar weigh most."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.gain = nn.Parameter(torch.zeros(1))

    def direct(self, x: Tensor) -> Tensor:
        features = x.flatten(2)  # (B, C, N)
        similarity = features @ features.transpose(1, 2)  # (B, C, C)
        weights = (similarity.amax(dim=-1, keepdim=True) - similarity).softmax(dim=-1)
        context = weights @ features  # (B, C, N)
        return self.gain * context.reshape(x.shape) + x  # (B, C, H, W)

    def fast(self, x: Tensor) -> Tensor:
        """The gain is applied to the weights, so that no context is kept."""
        features = x.flatten(2)  # (B, C, N)
        similarity = features @ features.transpose(1, 2)  # (B, C, C)
        weights = self.gain * (-similarity).softmax(dim=-1)
        return (weights @ features).reshape(x.shape) + x  # (B, C, H, W)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        return ClosedForm(params=1, macs=2 * self.channels**2 * height * width)


class DualAttention(AttentionBlock):
    """Position attention plus channel attention of the same input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.position = PositionAttention(channels)
        self.channel = ChannelAttention(channels)

    def direct(self, x: Tensor) -> Tensor:
        return self.position.direct(x) + self.channel.direct(x)

    def fast(self, x: Tensor) -> Tensor:
        return self.position.fast(x) + self.channel.fast(x)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        position = self.position.closed_form(height, width)
        return position + self.channel.closed_form(height, width)
