"""Maxima of a feature map. Among equal maxima, the first gets the gradient.

That is the rule of torch.max with an index and of max pooling, which released codes use.
amax is much faster, but its derivative is slow and splits the gradient. Compilers get
torch.max instead of these passes.

Shapes: B batch, C channels, N positions.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ablations.attention.fast.passes import Pass, add_product, is_recorded, piecewise

CHANNELS, POSITIONS = 4, 128  # of a group in a tournament, at most


def largest(x: Tensor, dim: int) -> Tensor:
    """The maxima along dim."""
    if torch.is_grad_enabled() or is_recorded():
        return x.max(dim=dim).values
    return x.amax(dim=dim)


def first_largest(x: Tensor, dim: int, most: int) -> Tensor:
    """The indices of the maxima of x (B, C, N) along dim; dim stays, with one entry.

    First finds the group of neighbours with the largest maximum, then searches in that
    group: torch finds maxima many times faster than their indices.
    """
    size = math.gcd(x.shape[dim], most)
    if size in (1, x.shape[dim]) or x.device.type != "cpu":
        return x.max(dim=dim, keepdim=True).indices
    groups: Tensor = x.unflatten(dim, (-1, size))  # type: ignore[no-untyped-call]
    group = first_largest(groups.amax(dim=dim + 1), dim, most)
    members: Tensor = groups.take_along_dim(group.unsqueeze(dim + 1), dim).squeeze(dim)
    return group * size + members.max(dim=dim, keepdim=True).indices


class MaxChannels(Pass):
    """The largest channel at each position, (B, 1, N)."""

    @classmethod
    def value(cls, x: Tensor) -> tuple[Tensor | None, ...]:
        return x, x.amax(dim=1, keepdim=True), None

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, ...]:
        def pool(x: Tensor, _: Tensor | None) -> tuple[Tensor, Tensor]:
            index = first_largest(x, 1, CHANNELS)
            return x.gather(1, index), index

        largest = x.new_empty(x.shape[0], 1, x.shape[2])
        index = torch.empty_like(largest, dtype=torch.int64)
        return x.view_as(x), *piecewise(pool, (largest, index), x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, ...]) -> None:
        ctx.save_for_backward(output[2])
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_x: Tensor, grad_largest: Tensor, _: Tensor) -> Tensor:
        (index,) = ctx.saved_tensors
        return grad_x.scatter_add_(1, index, grad_largest)


class PoolPositions(Pass):
    """The largest and the mean of each channel, (B, C, 2)."""

    @classmethod
    def value(cls, x: Tensor) -> tuple[Tensor | None, ...]:
        def pool(x: Tensor, _: Tensor | None) -> tuple[Tensor]:
            return (torch.stack([x.amax(dim=2), x.mean(dim=2)], dim=2),)

        return x, *piecewise(pool, (x.new_empty(*x.shape[:2], 2),), x), None

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, ...]:
        def pool(x: Tensor, _: Tensor | None) -> tuple[Tensor, Tensor]:
            index = first_largest(x, 2, POSITIONS)
            mean = x.mean(dim=2, keepdim=True)
            return torch.cat([x.gather(2, index), mean], dim=2), index

        index = x.new_empty(*x.shape[:2], 1, dtype=torch.int64)
        return x.view_as(x), *piecewise(pool, (x.new_empty(*x.shape[:2], 2), index), x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, ...]) -> None:
        ctx.save_for_backward(output[2])
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_x: Tensor, grad_pooled: Tensor, _: Tensor) -> Tensor:
        grad_largest, grad_mean = torch.split(grad_pooled, 1, 2)  # (B, C, 1)
        (index,) = ctx.saved_tensors
        grad_x += grad_mean / grad_x.shape[2]
        return grad_x.scatter_add_(2, index, grad_largest)


class PoolChannels(Pass):
    """The largest and the mean at each position, (B, 2, N), of x * channel (B, C, 1)."""

    @classmethod
    def value(cls, x: Tensor, channel: Tensor) -> tuple[Tensor | None, ...]:
        def pool(x: Tensor, channel: Tensor, _: Tensor | None) -> tuple[Tensor]:
            product = x * channel
            return (torch.stack([product.amax(dim=1), product.mean(dim=1)], dim=1),)

        results = (x.new_empty(x.shape[0], 2, x.shape[2]),)
        return x, *piecewise(pool, results, x, channel), None

    @staticmethod
    def forward(x: Tensor, channel: Tensor) -> tuple[Tensor, ...]:
        def pool(x: Tensor, channel: Tensor, _: Tensor | None) -> tuple[Tensor, Tensor]:
            product = x * channel
            index = first_largest(product, 1, CHANNELS)
            mean = product.mean(dim=1, keepdim=True)
            return torch.cat([product.gather(1, index), mean], dim=1), index

        pooled = x.new_empty(x.shape[0], 2, x.shape[2])
        index = torch.empty_like(pooled[:, :1], dtype=torch.int64)
        return x.view_as(x), *piecewise(pool, (pooled, index), x, channel)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, ...]
    ) -> None:
        ctx.save_for_backward(*inputs, output[2])
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_x: Tensor, grad_pooled: Tensor, _: Tensor
    ) -> tuple[Tensor, ...]:
        x, channel, index = ctx.saved_tensors
        results = grad_x, torch.empty_like(channel)
        inputs = x, channel, index, grad_x, grad_pooled
        return piecewise(pool_channels_gradients, results, *inputs)


def pool_channels_gradients(
    x: Tensor,
    channel: Tensor,
    index: Tensor,
    grad_x: Tensor,
    grad_pooled: Tensor,
    _: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The gradients of x, added to grad_x, and of channel."""
    grad_largest, grad_mean = torch.split(grad_pooled, 1, 1)  # (B, 1, N)
    grad_mean = grad_mean / x.shape[1]
    grad_x = add_product(grad_x, channel, grad_mean)
    at_largest = channel.expand_as(x).gather(1, index)  # (B, 1, N)
    grad_x.scatter_add_(1, index, grad_largest * at_largest)
    terms = (grad_largest * x.gather(1, index)).transpose(1, 2)  # (B, N, 1)
    grad_channel = x @ grad_mean.transpose(1, 2)  # (B, C, 1)
    return grad_x, grad_channel.scatter_add_(1, index.transpose(1, 2), terms)
