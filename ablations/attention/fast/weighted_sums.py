"""Weighted sums of a feature map x, with their derivatives.

Each sum is one matrix product with x, and nothing but x and the weights is kept for the
backward pass. The gradient of x has one full-size term per sum. So each sum passes x on
to the next, and in the backward pass one buffer goes through all of them: the product
(weighted_products.py) fills it, and each sum before it adds its own outer product in place.

Shapes: B batch, C channels, N positions, K sums, R rows.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ablations.attention.fast.passes import (
    KeepsInputs,
    Pass,
    add_few,
    add_product,
    piecewise,
)


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


class Attend(Pass):
    """x pooled, (B, 1, C), by the softmax over positions of row (B, 1, C) @ x + bias."""

    @staticmethod
    def forward(x: Tensor, row: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        def pool(x: Tensor, row: Tensor, _: Tensor | None) -> tuple[Tensor, Tensor]:
            attention = (row @ x + bias).softmax(dim=-1)
            return attention @ x.transpose(1, 2), attention

        results = torch.empty_like(row), x.new_empty(x.shape[0], 1, x.shape[2])
        return x.view_as(x), *piecewise(pool, results, x, row)  # ., (B, 1, C), (B, 1, N)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs[:2], output[2])
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_x: Tensor, grad_pooled: Tensor, _: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, row, attention = ctx.saved_tensors
        results = grad_x, torch.empty_like(row), row.new_empty(x.shape[0], 1, 1)
        inputs = x, row, attention, grad_x, grad_pooled
        grad_x, grad_row, grad_bias = piecewise(attend_gradients, results, *inputs)
        return grad_x, grad_row, grad_bias.sum().reshape(1)


class AttendAndMean(Attend):
    """The same, and the mean of x: (B, 2, C)."""

    @staticmethod
    def forward(x: Tensor, row: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        def pool(x: Tensor, row: Tensor, _: Tensor | None) -> tuple[Tensor, Tensor]:
            attention = (row @ x + bias).softmax(dim=-1)
            equal = torch.full_like(attention, 1 / attention.shape[-1])
            weights = torch.cat([attention, equal], dim=1)  # (b, 2, N)
            return weights @ x.transpose(1, 2), attention

        pooled, attention = row.repeat(1, 2, 1), x.new_empty(x.shape[0], 1, x.shape[2])
        return x.view_as(x), *piecewise(pool, (pooled, attention), x, row)


def attend_gradients(
    x: Tensor,
    row: Tensor,
    attention: Tensor,
    grad_x: Tensor,
    grad_pooled: Tensor,
    _: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, added to grad_x, of row, and of the bias, (B, 1, 1)."""
    grad_attention = grad_pooled[:, :1] @ x  # (B, 1, N)
    mean = (attention * grad_attention).sum(dim=-1, keepdim=True)
    grad_scores = attention * (grad_attention - mean)
    equal = torch.full_like(attention, 1 / attention.shape[-1])
    pooling = [attention, equal][: grad_pooled.shape[1]]
    columns = torch.cat([grad_pooled, row], dim=1).transpose(1, 2)  # (B, C, 2 or 3)
    grad_x = add_few(grad_x, columns, torch.cat([*pooling, grad_scores], dim=1))
    grad_row = grad_scores @ x.transpose(1, 2)  # (B, 1, C)
    return grad_x, grad_row, grad_scores.sum(dim=-1, keepdim=True)


class SumSoftmax(KeepsInputs):
    """query (B, 1, R) @ softmax over positions of rows (R, C) @ (x * channel (B, C, 1)).

    Recomputes the (B, R, N) softmax in the backward pass instead of keeping it.
    """

    @staticmethod
    def forward(
        x: Tensor, rows: Tensor, channel: Tensor, query: Tensor
    ) -> tuple[Tensor, ...]:
        def mix(
            x: Tensor, channel: Tensor, query: Tensor, _: Tensor | None
        ) -> tuple[Tensor]:
            weights = rows * channel.transpose(1, 2)  # (b, R, C)
            return (query @ (weights @ x).softmax(dim=-1),)

        results = (x.new_empty(x.shape[0], 1, x.shape[2]),)
        return x.view_as(x), *piecewise(mix, results, x, channel, query)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_x: Tensor, grad_sums: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, rows, channel, query = ctx.saved_tensors

        def gradients(
            x: Tensor,
            weights: Tensor,
            query: Tensor,
            grad_x: Tensor,
            grad_sums: Tensor,
            _: Tensor | None,
        ) -> tuple[Tensor, Tensor, Tensor]:
            attention = (weights @ x).softmax(dim=-1)  # (b, R, N)
            grad_query = grad_sums @ attention.transpose(1, 2)  # (b, 1, R)
            grad_scores = grad_sums - grad_query.transpose(1, 2)  # (b, R, N)
            grad_scores.mul_(attention).mul_(query.transpose(1, 2))
            grad_x = add_product(grad_x, weights.transpose(1, 2), grad_scores)
            return grad_x, grad_scores @ x.transpose(1, 2), grad_query

        weights = rows * channel.transpose(1, 2)  # (B, R, C)
        results = grad_x, torch.empty_like(weights), torch.empty_like(query)
        inputs = x, weights, query, grad_x, grad_sums
        grad_x, grad_weights, grad_query = piecewise(gradients, results, *inputs)
        grad_rows = (grad_weights * channel.transpose(1, 2)).sum(dim=0)
        grad_channel = (grad_weights * rows).sum(dim=1).unsqueeze(-1)
        return grad_x, grad_rows, grad_channel, grad_query
