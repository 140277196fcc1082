"""Weighted sums of a feature map x, and its product with weights, with their derivatives.

Each sum is one matrix product with x, and nothing but x and the weights is kept for the
backward pass. The gradient of x has one full-size term per sum. So each sum hands x on
to the next one, and on the way back one buffer passes through all of them: the product
fills it, and each sum before it adds its own outer product in place.

Shapes: B batch, C channels, N positions, K sums, R rows.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.compiler import is_compiling


def evaluate(function: type[Function], *inputs: Any) -> Any:
    """The value; with its derivative, unless torch.jit.trace is to see the operations."""
    if torch.is_grad_enabled() and not is_tracing():
        return function.apply(*inputs)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        return function.forward(*inputs)


def is_tracing() -> bool:
    traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return traced


# A compiler plans the memory by itself: for it, the next two work in no buffer.


def add_product(total: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """total + left @ right, in place."""
    return (torch.baddbmm if is_compiling() else Tensor.baddbmm_)(total, left, right)


def times_outer(
    outer: Callable[..., Tensor],
    x: Tensor,
    channel: Tensor,
    position: Tensor,
    buffer: Tensor,
) -> Tensor:
    """x * outer(channel, position), in the buffer."""
    if is_compiling():
        return x * outer(channel, position)
    return outer(channel, position, out=buffer).mul_(x)


class KeepsInputs(Function):
    """A function that keeps nothing but its inputs for the backward pass."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs)


class SumChannels(KeepsInputs):
    @staticmethod
    def forward(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        return x.view_as(x), weights @ x  # (B, K, N)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_x: Tensor, grad_sums: Tensor) -> tuple[Tensor, Tensor]:
        x, weights = ctx.saved_tensors
        grad_x = add_product(grad_x, weights.transpose(1, 2), grad_sums)
        return grad_x, grad_sums @ x.transpose(1, 2)


class SumPositions(KeepsInputs):
    @staticmethod
    def forward(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        return x.view_as(x), weights @ x.transpose(1, 2)  # (B, K, C)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_x: Tensor, grad_sums: Tensor) -> tuple[Tensor, Tensor]:
        x, weights = ctx.saved_tensors
        grad_x = add_product(grad_x, grad_sums.transpose(1, 2), weights)
        return grad_x, grad_sums @ x


class MaxChannels(Function):
    """Channels that share the maximum share its gradient equally, as in amax."""

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.view_as(x), x.amax(dim=1, keepdim=True)  # (B, 1, N)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]
    ) -> None:
        ctx.save_for_backward(*inputs, output[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_x: Tensor, grad_largest: Tensor) -> Tensor:
        x, largest = ctx.saved_tensors
        is_largest = (x == largest).to(x.dtype)
        share = grad_largest / is_largest.sum(dim=1, keepdim=True)
        if is_compiling():
            return grad_x.addcmul(is_largest, share)
        return grad_x.addcmul_(is_largest, share)


class TimesSum(KeepsInputs):
    @staticmethod
    def forward(x: Tensor, channel: Tensor, position: Tensor) -> Tensor:
        return times_outer(torch.add, x, channel, position, torch.empty_like(x))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return TimesSum.gradients(grad, *ctx.saved_tensors)

    @staticmethod
    def gradients(
        grad: Tensor, x: Tensor, channel: Tensor, position: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        product = grad * x
        grad_channel = product.sum(dim=2, keepdim=True)
        grad_position = product.sum(dim=1, keepdim=True)
        grad_x = times_outer(torch.add, grad, channel, position, product)
        return grad_x, grad_channel, grad_position


class TimesProduct(KeepsInputs):
    @staticmethod
    def forward(x: Tensor, channel: Tensor, position: Tensor) -> Tensor:
        return times_outer(torch.mul, x, channel, position, torch.empty_like(x))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return TimesProduct.gradients(grad, *ctx.saved_tensors)

    @staticmethod
    def gradients(
        grad: Tensor, x: Tensor, channel: Tensor, position: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        product = grad * x
        grad_channel = product @ position.transpose(1, 2)  # (B, C, 1)
        grad_position = channel.transpose(1, 2) @ product  # (B, 1, N)
        grad_x = times_outer(torch.mul, grad, channel, position, product)
        return grad_x, grad_channel, grad_position


class SumSoftmax(KeepsInputs):
    """Makes the (B, R, N) softmax anew in the backward pass instead of keeping it."""

    @staticmethod
    def attention(x: Tensor, rows: Tensor, channel: Tensor) -> Tensor:
        return ((rows * channel.transpose(1, 2)) @ x).softmax(dim=-1)  # (B, R, N)

    @staticmethod
    def forward(
        x: Tensor, rows: Tensor, channel: Tensor, query: Tensor
    ) -> tuple[Tensor, Tensor]:
        return x.view_as(x), query @ SumSoftmax.attention(x, rows, channel)  # (B, 1, N)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_x: Tensor, grad_sums: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, rows, channel, query = ctx.saved_tensors
        attention = SumSoftmax.attention(x, rows, channel)  # (B, R, N)
        grad_query = grad_sums @ attention.transpose(1, 2)  # (B, 1, R)
        grad_scores = grad_sums - grad_query.transpose(1, 2)  # (B, R, N)
        grad_scores.mul_(attention).mul_(query.transpose(1, 2))
        weights = rows * channel.transpose(1, 2)  # (B, R, C)
        grad_x = add_product(grad_x, weights.transpose(1, 2), grad_scores)
        grad_weights = grad_scores @ x.transpose(1, 2)  # (B, R, C)
        grad_rows = (grad_weights * channel.transpose(1, 2)).sum(dim=0)
        grad_channel = (grad_weights * rows).sum(dim=1).unsqueeze(-1)
        return grad_x, grad_rows, grad_channel, grad_query
