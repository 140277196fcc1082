"""A feature map x as the weighted sums that a block needs of it.

A block made of such sums over channels or positions needs no second feature map, and
keeps nothing of the size of x for the backward pass but x.

Shapes: B batch, C channels, N positions, K sums, R rows.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.compiler import is_compiling

from ablations.attention.weighted_sums import (
    MaxChannels,
    SumChannels,
    SumPositions,
    SumSoftmax,
    TimesProduct,
    TimesSum,
    evaluate,
    is_tracing,
)


class FeatureMap:
    """Take sums first; last, take x times the weights made of them.

    All is computed in the dtype of x, also under autocast. There are no derivatives of
    second order.
    """

    def __init__(self, x: Tensor) -> None:
        self.shape, self.x = x.shape, x.flatten(2)  # (B, C, N)

    def sum_channels(self, weights: Tensor) -> Tensor:
        """K sums at each position, (B, K, N), for weights of shape (B or 1, K, C)."""
        return self.sums(SumChannels, weights.expand(self.x.shape[0], -1, -1))

    def sum_positions(self, weights: Tensor) -> Tensor:
        """K sums of each channel, (B, K, C), for weights of shape (B, K, N)."""
        return self.sums(SumPositions, weights)

    def sum_softmax(self, rows: Tensor, channel: Tensor, query: Tensor) -> Tensor:
        """query (B, 1, R) times the softmax over positions of rows (R, C) @ (x * channel).

        Channel weights have shape (B, C, 1), sums (B, 1, N).
        """
        return self.sums(SumSoftmax, rows, channel, query)

    def max_channels(self) -> Tensor:
        """The largest channel at each position, (B, 1, N)."""
        return self.sums(MaxChannels)

    def mean_positions(self) -> Tensor:
        """The mean of each channel, (B, 1, C)."""
        batch, _, positions = self.x.shape
        return self.sum_positions(self.x.new_full((batch, 1, positions), 1 / positions))

    def attention(self, row: Tensor, bias: Tensor) -> Tensor:
        """The softmax over positions, (B, 1, N), of a row of channel weights (1, C)."""
        return (self.sum_channels(row[None]) + bias).softmax(dim=-1)

    def attend(self, row: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """x pooled by that attention, and its mean, in one pass; (B, 1, C) each."""
        attention = self.attention(row, bias)
        equal = torch.full_like(attention, 1 / attention.shape[-1])
        pooled = self.sum_positions(torch.cat([attention, equal], dim=1))  # (B, 2, C)
        return pooled[:, :1], pooled[:, 1:]

    def position_weights(self, row: Tensor, offset: Tensor) -> Tensor:
        """sigmoid(row @ x + offset), (B, 1, N), for shapes (B, 1, C) and (B, 1, 1)."""
        return (self.sum_channels(row) + offset).sigmoid()

    def times(self, weights: Tensor) -> Tensor:
        """x * weights, for weights of shape (B, C, 1) or (B, 1, N)."""
        return (self.x * weights.to(self.x.dtype)).reshape(self.shape)

    def times_sum(self, channel: Tensor, position: Tensor) -> Tensor:
        """x * (channel + position), of shapes (B, C, 1) and (B, 1, N)."""
        y: Tensor = self.evaluate(TimesSum, channel, position)
        return y.reshape(self.shape)

    def times_product(self, channel: Tensor, position: Tensor) -> Tensor:
        """x * channel * position, of shapes (B, C, 1) and (B, 1, N)."""
        y: Tensor = self.evaluate(TimesProduct, channel, position)
        return y.reshape(self.shape)

    def gate_sum(self, channel: Tensor, row: Tensor, offset: Tensor) -> Tensor:
        """x * (channel + sigmoid(row @ x + offset))."""
        return self.times_sum(channel, self.position_weights(row, offset))

    def gate_product(self, channel: Tensor, row: Tensor, offset: Tensor) -> Tensor:
        """x * channel * sigmoid(row @ x + offset)."""
        return self.times_product(channel, self.position_weights(row, offset))

    def sums(self, function: type[Function], *weights: Tensor) -> Tensor:
        handed_on: tuple[Tensor, Tensor] = self.evaluate(function, *weights)
        self.x, sums = handed_on
        return sums

    def evaluate(self, function: type[Function], *weights: Tensor) -> Any:
        with without_autocast(self.x):
            return evaluate(function, self.x, *(w.to(self.x.dtype) for w in weights))


def feature_map(x: Tensor) -> FeatureMap:
    """On a GPU that Triton compiles for, its passes are fused."""
    if not can_fuse(x):
        return FeatureMap(x)
    from ablations.attention.fused_passes import FusedFeatureMap

    return FusedFeatureMap(x)


def can_fuse(x: Tensor) -> bool:
    if is_compiling() or is_tracing() or not x.is_cuda or x.dtype == torch.float64:
        return False
    return has_triton() and torch.cuda.get_device_capability(x.device) >= (8, 0)


@cache
def has_triton() -> bool:
    return find_spec("triton") is not None


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Autocast exists on every device but the one of tensors without data."""
    return nullcontext() if x.is_meta else torch.autocast(x.device.type, enabled=False)
