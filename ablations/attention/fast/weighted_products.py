"""Products of a feature map x with weights, with their derivatives.

The derivative of a product fills the buffer that then passes through the sums
(weighted_sums.py), which add to it in place.

Shapes: B batch, C channels, N positions; channel (B, C, 1), position (B, 1, N).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ablations.attention.fast.passes import (
    KeepsInputs,
    Pass,
    add_product,
    is_recorded,
    piecewise,
)

Outer = Callable[..., Tensor]  # torch.add or torch.mul, of channel and position


def times_outer(
    outer: Outer, x: Tensor, channel: Tensor, position: Tensor, buffer: Tensor | None
) -> Tensor:
    """x * outer(channel, position), in the buffer."""
    if is_recorded():
        return x * outer(channel, position)
    return outer(channel, position, out=buffer).mul_(x)


class Times(KeepsInputs):
    """x * weights, which are channel or position."""

    @staticmethod
    def forward(x: Tensor, weights: Tensor) -> Tensor:
        return x * weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        def gradients(
            grad: Tensor, x: Tensor, weights: Tensor, buffer: Tensor | None
        ) -> tuple[Tensor, Tensor]:
            product = torch.mul(grad, x, out=buffer)
            grad_weights = product.sum_to_size(weights.shape).clone()  # may be the product
            return torch.mul(grad, weights, out=buffer), grad_weights

        x, weights = ctx.saved_tensors
        results = torch.empty_like(x), torch.empty_like(weights)
        return piecewise(gradients, results, grad, x, weights)


class Plus(Pass):
    """x + channel."""

    @staticmethod
    def forward(x: Tensor, channel: Tensor) -> Tensor:
        return x + channel

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.shape = inputs[1].shape

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        def gradients(grad: Tensor, buffer: Tensor | None) -> tuple[Tensor, Tensor]:
            copy = grad.clone() if buffer is None else buffer.copy_(grad)
            return copy, copy.sum(dim=2, keepdim=True)

        results = torch.empty_like(grad), grad.new_empty(ctx.shape)
        return piecewise(gradients, results, grad)


class TimesSum(KeepsInputs):
    """x * (channel + position)."""

    @staticmethod
    def forward(x: Tensor, channel: Tensor, position: Tensor) -> Tensor:
        return outer_product(torch.add, x, channel, position)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        results = tuple(torch.empty_like(one) for one in ctx.saved_tensors)
        return piecewise(TimesSum.gradients, results, grad, *ctx.saved_tensors)

    @staticmethod
    def gradients(
        grad: Tensor, x: Tensor, channel: Tensor, position: Tensor, buffer: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        product = torch.mul(grad, x, out=buffer)
        grad_channel = product.sum(dim=2, keepdim=True)
        ones = torch.ones_like(channel).transpose(1, 2)  # a product is faster than a sum
        grad_position = ones @ product  # (B, 1, N)
        grad_x = times_outer(torch.add, grad, channel, position, buffer)
        return grad_x, grad_channel, grad_position


class TimesProduct(KeepsInputs):
    """x * channel * position."""

    @staticmethod
    def forward(x: Tensor, channel: Tensor, position: Tensor) -> Tensor:
        return outer_product(torch.mul, x, channel, position)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        results = tuple(torch.empty_like(one) for one in ctx.saved_tensors)
        return piecewise(TimesProduct.gradients, results, grad, *ctx.saved_tensors)

    @staticmethod
    def gradients(
        grad: Tensor, x: Tensor, channel: Tensor, position: Tensor, buffer: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        product = torch.mul(grad, x, out=buffer)
        grad_channel = product @ position.transpose(1, 2)  # (B, C, 1)
        grad_position = channel.transpose(1, 2) @ product  # (B, 1, N)
        grad_x = times_outer(torch.mul, grad, channel, position, buffer)
        return grad_x, grad_channel, grad_position


def outer_product(outer: Outer, x: Tensor, channel: Tensor, position: Tensor) -> Tensor:
    def product(
        x: Tensor, channel: Tensor, position: Tensor, buffer: Tensor | None
    ) -> tuple[Tensor]:
        return (times_outer(outer, x, channel, position, buffer),)

    return piecewise(product, (torch.empty_like(x),), x, channel, position)[0]


class Gate(Pass):
    """x times the outer sum or product of channel and sigmoid(row @ x + offset).

    row has the shape (B, 1, C), offset (B, 1, 1). The weights of positions are kept.
    """

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]
    ) -> None:
        ctx.save_for_backward(*inputs[:3], output[1])
        ctx.mark_non_differentiable(output[1])


class GateSum(Gate):
    @staticmethod
    def forward(x: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        return gate(torch.add, x, *weights)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, ...]:
        return gate_gradients(TimesSum, grad, *ctx.saved_tensors)


class GateProduct(Gate):
    @staticmethod
    def forward(x: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        return gate(torch.mul, x, *weights)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, ...]:
        return gate_gradients(TimesProduct, grad, *ctx.saved_tensors)


def gate(
    outer: Outer, x: Tensor, channel: Tensor, row: Tensor, offset: Tensor
) -> tuple[Tensor, Tensor]:
    """The output (B, C, N), and the weights of positions (B, 1, N)."""

    def product(
        x: Tensor, channel: Tensor, row: Tensor, offset: Tensor, buffer: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        position = (row @ x + offset).sigmoid()
        return times_outer(outer, x, channel, position, buffer), position

    results = torch.empty_like(x), x.new_empty(x.shape[0], 1, x.shape[2])
    y, position = piecewise(product, results, x, channel, row, offset)
    return y, position


def gate_gradients(
    times: type[TimesSum] | type[TimesProduct],
    grad: Tensor,
    x: Tensor,
    channel: Tensor,
    row: Tensor,
    position: Tensor,
) -> tuple[Tensor, ...]:
    """The gradients of x, channel, row and offset."""

    def gradients(
        grad: Tensor,
        x: Tensor,
        channel: Tensor,
        row: Tensor,
        position: Tensor,
        buffer: Tensor | None,
    ) -> tuple[Tensor, ...]:
        terms = times.gradients(grad, x, channel, position, buffer)
        grad_scores = terms[2] * position * (1 - position)  # (b, 1, N)
        grad_x = add_product(terms[0], row.transpose(1, 2), grad_scores)
        grad_row = grad_scores @ x.transpose(1, 2)  # (b, 1, C)
        return grad_x, terms[1], grad_row, grad_scores.sum(dim=-1, keepdim=True)

    like = x, channel, row, position[:, :, :1]
    results = tuple(torch.empty_like(one) for one in like)
    return piecewise(gradients, results, grad, x, channel, row, position)
