"""Sums under softmaxes of many rows over a feature map, with their derivatives.

What is kept for the backward pass is x and the softmaxes.

Shapes: B batch, C channels, R rows, S heads, N positions.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ablations.attention.fast.passes import (
    Pass,
    add_product,
    is_recorded,
    piecewise,
)


class PoolBySoftmax(Pass):
    """x pooled, (B, R, C), by softmaxes over positions of rows (R, C) @ x + bias (R, 1).

    The softmaxes do not depend on the bias, whose derivative is zero.
    """

    @classmethod
    def value(cls, x: Tensor, rows: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        def pool(x: Tensor, _: Tensor | None) -> tuple[Tensor]:
            return ((rows @ x).softmax(dim=2) @ x.transpose(1, 2),)

        return x, *piecewise(pool, (x.new_empty(x.shape[0], *rows.shape),), x)

    @staticmethod
    def forward(x: Tensor, rows: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        def pool(x: Tensor, _: Tensor | None) -> tuple[Tensor, Tensor]:
            attention = (rows @ x).add_(bias).softmax(dim=2)  # (b, R, N)
            return attention @ x.transpose(1, 2), attention

        results = (x.new_empty(x.shape[0], *rows.shape), new_rows(x, len(rows)))
        return x.view_as(x), *piecewise(pool, results, x)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]
    ) -> None:
        ctx.save_for_backward(*inputs, *output[1:])
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_x: Tensor, grad_pooled: Tensor, _: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, rows, bias, pooled, attention = ctx.saved_tensors

        def gradients(
            x: Tensor,
            pooled: Tensor,
            attention: Tensor,
            grad_x: Tensor,
            grad_pooled: Tensor,
            _: Tensor | None,
        ) -> tuple[Tensor, Tensor]:
            grad_x = add_product(grad_x, grad_pooled.transpose(1, 2), attention)
            mean = (grad_pooled * pooled).sum(dim=2, keepdim=True)  # (b, R, 1)
            grad_scores = (grad_pooled @ x).sub_(mean).mul_(attention)
            grad_x = add_product(grad_x, columns(rows, x), grad_scores)
            return grad_x, grad_scores @ x.transpose(1, 2)

        results = grad_x, torch.empty_like(pooled)
        inputs = x, pooled, attention, grad_x, grad_pooled
        grad_x, grad_rows = piecewise(gradients, results, *inputs)
        return grad_x, grad_rows.sum(dim=0), torch.zeros_like(bias)


class PlusMix(Pass):
    """x + offset (C, 1) + weights (B, R, C) mixed at each position.

    It mixes by the softmax of rows (S, R/S, C) @ x + bias (R, 1) over a head's R/S rows.
    """

    @classmethod
    def value(
        cls, x: Tensor, weights: Tensor, offset: Tensor, rows: Tensor, bias: Tensor
    ) -> tuple[Tensor, ...]:
        def mix(x: Tensor, weights: Tensor, buffer: Tensor | None) -> tuple[Tensor]:
            return (plus_mix(x, weights, offset, softmax_in_heads(x, rows, bias), buffer),)

        return piecewise(mix, (torch.empty_like(x),), x, weights)

    @staticmethod
    def forward(
        x: Tensor, weights: Tensor, offset: Tensor, rows: Tensor, bias: Tensor
    ) -> tuple[Tensor, ...]:
        def mix(x: Tensor, weights: Tensor, buffer: Tensor | None) -> tuple[Tensor, Tensor]:
            mixing = softmax_in_heads(x, rows, bias)
            return plus_mix(x, weights, offset, mixing, buffer), mixing

        results = (
            torch.empty_like(x),
            new_rows(x, len(bias)).reshape(len(x), *rows.shape[:2], -1),
        )
        return piecewise(mix, results, x, weights)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]
    ) -> None:
        x, weights, offset, rows, _ = inputs
        ctx.save_for_backward(x, weights, offset, rows, output[1])
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, ...]:
        x, weights, offset, rows, mixing = ctx.saved_tensors
        matrix = rows.flatten(0, 1)  # (R, C)

        def gradients(
            grad: Tensor, x: Tensor, weights: Tensor, mixing: Tensor, buffer: Tensor | None
        ) -> tuple[Tensor, ...]:
            grad_weights = mixing.flatten(1, 2) @ grad.transpose(1, 2)  # (b, R, C)
            grad_scores = (weights @ grad).view_as(mixing).mul_(mixing)
            total = grad_scores.sum(dim=2, keepdim=True)  # (b, S, 1, N)
            grad_scores = grad_scores.addcmul_(mixing, total, value=-1).flatten(1, 2)
            grad_matrix = grad_scores @ x.transpose(1, 2)  # (b, R, C)
            grad_bias = grad_scores.sum(dim=2, keepdim=True)  # (b, R, 1)
            grad_x = torch.baddbmm(grad, columns(matrix, x), grad_scores, out=buffer)
            return grad_x, grad_weights, grad_matrix, grad_bias

        results = torch.empty_like(x), torch.empty_like(weights), torch.empty_like(weights)
        grad_bias = weights.new_empty(*weights.shape[:2], 1)
        grad_x, grad_weights, grad_matrix, grad_bias = piecewise(
            gradients, (*results, grad_bias), grad, x, weights, mixing
        )
        grad_offset = grad.sum(dim=(0, 2)).view_as(offset)
        grad_rows = grad_matrix.sum(dim=0).view_as(rows)
        return grad_x, grad_weights, grad_offset, grad_rows, grad_bias.sum(dim=0)


def softmax_in_heads(x: Tensor, rows: Tensor, bias: Tensor) -> Tensor:
    scores = (rows.flatten(0, 1) @ x).add_(bias)  # (B, R, N)
    in_heads = scores.reshape(x.shape[0], *rows.shape[:2], -1)  # (B, S, R/S, N)
    return in_heads.softmax(dim=2)


def plus_mix(
    x: Tensor, weights: Tensor, offset: Tensor, mixing: Tensor, buffer: Tensor | None
) -> Tensor:
    columns, mixing = weights.transpose(1, 2), mixing.flatten(1, 2)  # (B, C, R), (B, R, N)
    if is_recorded():
        return x + offset + columns @ mixing
    y = torch.add(x, offset, out=buffer)
    return torch.baddbmm(y, columns, mixing, out=y)


def new_rows(x: Tensor, count: int) -> Tensor:
    return x.new_empty(x.shape[0], count, x.shape[2], device="meta")


def columns(rows: Tensor, x: Tensor) -> Tensor:
    """rows (R, C) as (B, C, R), for each image of x."""
    return rows.t().expand(x.shape[0], -1, -1)
