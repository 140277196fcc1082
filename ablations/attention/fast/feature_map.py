"""A feature map x as the weighted sums that a block needs of it.

A block made of such sums over channels or positions needs no second feature map, and
keeps nothing of the size of x for the backward pass except x.

Shapes: B batch, C channels, N positions, K sums, R rows.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from ablations.attention.fast.maxima import (
    MaxChannels,
    PoolChannels,
    PoolPositions,
    largest,
)
from ablations.attention.fast.passes import Pass, evaluate, is_recorded
from ablations.attention.fast.softmax_passes import PlusMix, PoolBySoftmax
from ablations.attention.fast.weighted_products import (
    GateProduct,
    GateSum,
    Plus,
    Times,
    TimesProduct,
    TimesSum,
)
from ablations.attention.fast.weighted_sums import (
    Attend,
    AttendAndMean,
    SumChannels,
    SumPositions,
    SumSoftmax,
)


class FeatureMap:
    """Take the sums first; last, take x times the weights made from them.

    Everything is computed in the dtype of x, even under autocast. There are no second
    derivatives.
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
        if is_recorded():
            return largest(self.x, dim=1).unsqueeze(1)
        return self.sums(MaxChannels)

    def pool_positions(self) -> Tensor:
        """The largest and the mean of each channel, (B, C, 2)."""
        if is_recorded():
            return torch.stack([largest(self.x, dim=2), self.x.mean(dim=2)], dim=2)
        return self.sums(PoolPositions)

    def pool_channels(self, channel: Tensor) -> Tensor:
        """The largest and the mean at each position, (B, 2, N), of x * channel."""
        if is_recorded():
            product = self.x * channel.to(self.x.dtype)
            return torch.stack([largest(product, dim=1), product.mean(dim=1)], dim=1)
        return self.sums(PoolChannels, channel)

    def pool_softmax(self, rows: Tensor, bias: Tensor) -> Tensor:
        """x pooled, (B, R, C), by softmaxes over positions of rows (R, C) @ x + bias."""
        return self.sums(PoolBySoftmax, rows, bias[:, None])

    def plus_mix(
        self, weights: Tensor, offset: Tensor, rows: Tensor, bias: Tensor
    ) -> Tensor:
        """x + offset (C) + weights (B, R, C) mixed at each position.

        It mixes by the softmax of rows (S, R/S, C) @ x + bias (R) over a head's R/S rows.
        """
        arguments = weights, offset[:, None], rows, bias[:, None]
        y: Tensor = self.evaluate(PlusMix, *arguments)[0]
        return y.reshape(self.shape)

    def mean_positions(self) -> Tensor:
        """The mean of each channel, (B, 1, C)."""
        batch, _, positions = self.x.shape
        return self.sum_positions(self.x.new_full((batch, 1, positions), 1 / positions))

    def attend(self, row: Tensor, bias: Tensor) -> Tensor:
        """x pooled, (B, 1, C), by the softmax over positions of row (1, C) @ x + bias."""
        return self.sums(Attend, self.for_each_image(row), bias)

    def attend_and_mean(self, row: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and the mean of x, in one pass; (B, 1, C) each."""
        pooled = self.sums(AttendAndMean, self.for_each_image(row), bias)  # (B, 2, C)
        return pooled[:, :1], pooled[:, 1:]

    def for_each_image(self, row: Tensor) -> Tensor:
        return row.expand(self.x.shape[0], 1, -1)

    def position_weights(self, row: Tensor, offset: Tensor) -> Tensor:
        """sigmoid(row @ x + offset), (B, 1, N), for shapes (B, 1, C) and (B, 1, 1)."""
        return (self.sum_channels(row) + offset).sigmoid()

    def times(self, weights: Tensor) -> Tensor:
        """x * weights, for weights of shape (B, C, 1) or (B, 1, N)."""
        y: Tensor = self.evaluate(Times, weights)
        return y.reshape(self.shape)

    def plus(self, channel: Tensor) -> Tensor:
        """x + channel, of shape (B, C, 1)."""
        y: Tensor = self.evaluate(Plus, channel)
        return y.reshape(self.shape)

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
        y: Tensor = self.evaluate(GateSum, channel, row, offset)[0]
        return y.reshape(self.shape)

    def gate_product(self, channel: Tensor, row: Tensor, offset: Tensor) -> Tensor:
        """x * channel * sigmoid(row @ x + offset)."""
        y: Tensor = self.evaluate(GateProduct, channel, row, offset)[0]
        return y.reshape(self.shape)

    def sums(self, function: type[Pass], *weights: Tensor) -> Tensor:
        outputs: tuple[Tensor, ...] = self.evaluate(function, *weights)
        self.x, sums, *_ = outputs
        return sums

    def evaluate(self, function: type[Pass], *weights: Tensor) -> Any:
        with without_autocast(self.x):
            return evaluate(function, self.x, *(w.to(self.x.dtype) for w in weights))


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Autocast exists on every device except meta, the one of tensors without data."""
    return nullcontext() if x.is_meta else torch.autocast(x.device.type, enabled=False)
