"""Attention among positions whose (N, N) weights exist for only a few queries at a time.

PyTorch's scaled_dot_product_attention does this faster, but on the CPU only for values
as wide as queries and keys. Rabe and Staats, "Self-attention Does Not Need O(n^2)
Memory", https://arxiv.org/abs/2112.05682, with whole rows of weights in place of tiles.

Shapes: B batch, R channels of queries and keys, V channels of values, N positions.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ablations.attention.fast.passes import KeepsInputs, evaluate

QUERIES_AT_A_TIME = 256


def streaming_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(query @ key) @ value, of shapes (B, N, R), (B, R, N) and (B, N, V)."""
    context: Tensor = evaluate(StreamingAttention, query, key, value)
    return context


class StreamingAttention(KeepsInputs):
    """The backward pass recomputes the weights."""

    @staticmethod
    def forward(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        rows = torch.split(query, QUERIES_AT_A_TIME, dim=1)
        return torch.cat([(row @ key).softmax(dim=-1) @ value for row in rows], dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = ctx.saved_tensors
        precise = torch.promote_types(grad.dtype, torch.float32)  # for many small terms
        grad_query, grad_key, grad_value = (
            torch.zeros_like(part, dtype=precise) for part in (query, key, value)
        )
        for start in range(0, query.shape[1], QUERIES_AT_A_TIME):
            rows = slice(start, start + QUERIES_AT_A_TIME)
            weights = (query[:, rows] @ key).softmax(dim=-1)  # (B, rows, N)
            grad_weights = grad[:, rows] @ value.transpose(1, 2)  # (B, rows, N)
            mean = (grad_weights * weights).sum(dim=-1, keepdim=True)
            grad_scores = (grad_weights - mean) * weights
            grad_query[:, rows] = grad_scores @ key.transpose(1, 2)
            grad_key += query[:, rows].transpose(1, 2) @ grad_scores
            grad_value += weights.transpose(1, 2) @ grad[:, rows]
        return grad_query.to(grad), grad_key.to(grad), grad_value.to(grad)
