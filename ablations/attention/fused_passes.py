"""The two passes of PSA over a feature map on a GPU, each one Triton kernel.

The first pass scores positions, and pools x by the softmax of the scores and equally.
The second makes the position weights and the product. So x is read twice from memory
and y is written once: within a pass, a tile is read again while it lies in the cache.

Each tile of the first pass takes its exponentials relative to its own largest score;
`attend` brings the tiles together. Derivatives are matrix products as in weighted_sums.py.

Shapes: B batch, C channels, N positions, T tiles of positions.
"""

# mypy: disable-error-code="import-untyped, no-untyped-call, no-untyped-def"
# mypy: disable-error-code="untyped-decorator"

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from ablations.attention.feature_map import FeatureMap
from ablations.attention.weighted_sums import TimesProduct, TimesSum, add_product

CHANNELS, POSITIONS = 32, 128  # of a tile


class FusedFeatureMap(FeatureMap):
    """A FeatureMap whose sums over tiles are accumulated in float32."""

    def attend(self, row: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        rows = row[None].expand(self.x.shape[0], -1, -1)
        self.x, pooled, _ = self.evaluate(Attend, rows, bias)
        return pooled[:, :1], pooled[:, 1:]

    def gate_sum(self, channel: Tensor, row: Tensor, offset: Tensor) -> Tensor:
        y: Tensor = self.evaluate(GateSum, channel, row, offset)[0]
        return y.reshape(self.shape)

    def gate_product(self, channel: Tensor, row: Tensor, offset: Tensor) -> Tensor:
        y: Tensor = self.evaluate(GateProduct, channel, row, offset)[0]
        return y.reshape(self.shape)


class Attend(Function):
    """The softmax of row @ x + bias over positions, and x pooled by it and equally."""

    @staticmethod
    def forward(x: Tensor, row: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pooled, attention = attend(x, row)
        return x.view_as(x), pooled, attention  # ., (B, 2, C), (B, 1, N)

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
        grad_attention = grad_pooled[:, :1] @ x  # (B, 1, N)
        mean = (attention * grad_attention).sum(dim=-1, keepdim=True)
        grad_scores = attention * (grad_attention - mean)
        equal = torch.full_like(attention, 1 / attention.shape[-1])
        of_channels = torch.cat([grad_pooled, row], dim=1).transpose(1, 2)  # (B, C, 3)
        of_positions = torch.cat([attention, equal, grad_scores], dim=1)  # (B, 3, N)
        grad_x = add_product(grad_x, of_channels, of_positions)
        grad_row = grad_scores @ x.transpose(1, 2)  # (B, 1, C)
        return grad_x, grad_row, grad_scores.sum().reshape(1)


class Gate(Function):
    """x times the outer sum or product of channel and sigmoid(row @ x + offset)."""

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]
    ) -> None:
        ctx.save_for_backward(*inputs[:3], output[1])
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def gradients_beyond(
        gradients: tuple[Tensor, Tensor, Tensor], x: Tensor, row: Tensor, position: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """From those of the product to those of the scores: of x, channel, row, offset."""
        grad_x, grad_channel, grad_position = gradients
        grad_scores = grad_position * position * (1 - position)  # (B, 1, N)
        grad_x = add_product(grad_x, row.transpose(1, 2), grad_scores)
        grad_row = grad_scores @ x.transpose(1, 2)  # (B, 1, C)
        return grad_x, grad_channel, grad_row, grad_scores.sum(dim=-1, keepdim=True)


class GateSum(Gate):
    @staticmethod
    def forward(
        x: Tensor, channel: Tensor, row: Tensor, offset: Tensor
    ) -> tuple[Tensor, Tensor]:
        return gate(x, channel, row, offset, adds=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, ...]:
        x, channel, row, position = ctx.saved_tensors
        gradients = TimesSum.gradients(grad, x, channel, position)
        return Gate.gradients_beyond(gradients, x, row, position)


class GateProduct(Gate):
    @staticmethod
    def forward(
        x: Tensor, channel: Tensor, row: Tensor, offset: Tensor
    ) -> tuple[Tensor, Tensor]:
        return gate(x, channel, row, offset, adds=False)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, ...]:
        x, channel, row, position = ctx.saved_tensors
        gradients = TimesProduct.gradients(grad, x, channel, position)
        return Gate.gradients_beyond(gradients, x, row, position)


def attend(x: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
    """x pooled by attention and equally, (B, 2, C), and the attention, (B, 1, N)."""
    batch, channels, positions = x.shape
    tiles = triton.cdiv(positions, POSITIONS)
    scores = x.new_empty(batch, 1, positions, dtype=torch.float32)
    largest = x.new_empty(batch, tiles, dtype=torch.float32)
    sums = x.new_empty(batch, tiles, 2, channels, dtype=torch.float32)
    with torch.cuda.device_of(x):
        attend_kernel[(tiles, batch)](
            x, row.contiguous(), scores, largest, sums, positions, *x.stride(),
            channels, CHANNELS, POSITIONS,
        )  # fmt: skip
    scores = (scores - largest.amax(dim=1)[:, None, None]).exp()  # (B, 1, N)
    total = scores.sum(dim=-1, keepdim=True)  # (B, 1, 1)
    scale = (largest - largest.amax(dim=1, keepdim=True)).exp()[:, :, None]  # (B, T, 1)
    pooled = (scale * sums[:, :, 0]).sum(dim=1, keepdim=True) / total  # (B, 1, C)
    mean = sums[:, :, 1].sum(dim=1, keepdim=True) / positions
    return torch.cat([pooled, mean], dim=1).to(x.dtype), (scores / total).to(x.dtype)


def gate(
    x: Tensor, channel: Tensor, row: Tensor, offset: Tensor, adds: bool
) -> tuple[Tensor, Tensor]:
    """The output (B, C, N), and the weights of positions (B, 1, N)."""
    batch, channels, positions = x.shape
    y = torch.empty_like(x)
    position = x.new_empty(batch, 1, positions)
    weights = channel.contiguous(), row.contiguous(), offset.contiguous()
    with torch.cuda.device_of(x):
        gate_kernel[(triton.cdiv(positions, POSITIONS), batch)](
            x, y, position, *weights, positions, *x.stride(), *y.stride(),
            adds, channels, CHANNELS, POSITIONS,
        )  # fmt: skip
    return y, position


@triton.jit
def attend_kernel(
    x, row, scores, largest, sums, positions, x_batch, x_channel, x_position,
    channels: tl.constexpr, channel_tile: tl.constexpr, position_tile: tl.constexpr,
):  # fmt: skip
    """One tile of positions: its scores, and the sums of x under them and alone."""
    tile, image = tl.program_id(0), tl.program_id(1).to(tl.int64)
    n = tile * position_tile + tl.arange(0, position_tile)
    inside = n < positions
    x += image * x_batch + n[None, :] * x_position
    terms = tl.zeros([channel_tile, position_tile], tl.float32)
    for start in range(0, channels, channel_tile):
        c = start + tl.arange(0, channel_tile)
        mask = (c < channels)[:, None] & inside[None, :]
        part = tl.load(x + c[:, None] * x_channel, mask, 0.0).to(tl.float32)
        weight = tl.load(row + image * channels + c, c < channels, 0.0).to(tl.float32)
        terms += part * weight[:, None]
    score = tl.sum(terms, 0)
    tl.store(scores + image * positions + n, score, inside)
    score = tl.where(inside, score, float("-inf"))
    tl.store(largest + image * tl.num_programs(0) + tile, tl.max(score, 0))
    attention = tl.exp(score - tl.max(score, 0))
    sums += (image * tl.num_programs(0) + tile) * 2 * channels
    for start in range(0, channels, channel_tile):
        c = start + tl.arange(0, channel_tile)
        mask = (c < channels)[:, None] & inside[None, :]
        part = tl.load(x + c[:, None] * x_channel, mask, 0.0).to(tl.float32)
        tl.store(sums + c, tl.sum(part * attention[None, :], 1), c < channels)
        tl.store(sums + channels + c, tl.sum(part, 1), c < channels)


@triton.jit
def gate_kernel(
    x, y, position, channel, row, offset, positions,
    x_batch, x_channel, x_position, y_batch, y_channel, y_position, adds: tl.constexpr,
    channels: tl.constexpr, channel_tile: tl.constexpr, position_tile: tl.constexpr,
):  # fmt: skip
    """One tile of positions: its weights, and x times the weights."""
    tile, image = tl.program_id(0), tl.program_id(1).to(tl.int64)
    n = tile * position_tile + tl.arange(0, position_tile)
    inside = n < positions
    x += image * x_batch + n[None, :] * x_position
    y += image * y_batch + n[None, :] * y_position
    terms = tl.zeros([channel_tile, position_tile], tl.float32)
    for start in range(0, channels, channel_tile):
        c = start + tl.arange(0, channel_tile)
        mask = (c < channels)[:, None] & inside[None, :]
        part = tl.load(x + c[:, None] * x_channel, mask, 0.0).to(tl.float32)
        weight = tl.load(row + image * channels + c, c < channels, 0.0).to(tl.float32)
        terms += part * weight[:, None]
    score = tl.sum(terms, 0) + tl.load(offset + image).to(tl.float32)
    gate = tl.sigmoid(score)
    tl.store(position + image * positions + n, gate, inside)
    for start in range(0, channels, channel_tile):
        c = start + tl.arange(0, channel_tile)
        mask = (c < channels)[:, None] & inside[None, :]
        part = tl.load(x + c[:, None] * x_channel, mask, 0.0).to(tl.float32)
        weight = tl.load(channel + image * channels + c, c < channels, 0.0).to(tl.float32)
        if adds:
            part *= weight[:, None] + gate[None, :]
        else:
            part *= weight[:, None] * gate[None, :]
        tl.store(y + c[:, None] * y_channel, part, mask)
