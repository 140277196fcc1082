"""The two passes of PSA over a feature map on a GPU, each one Triton kernel.

The first pass scores positions, and pools x by the softmax of the scores and by equal
weights. The second makes the position weights and the product. So x is read twice from
memory and y is written once: within a pass, a tile is read again while it is in the cache.

Each tile of the first pass takes its exponentials relative to its own largest score;
`attend` combines the tiles. Derivatives are matrix products as in weighted_sums.py.

Shapes: B batch, C channels, N positions, T tiles of positions.
"""

# mypy: disable-error-code="import-untyped, no-untyped-call, no-untyped-def"
# mypy: disable-error-code="untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from ablations.attention.fast.feature_map import FeatureMap
from ablations.attention.fast.weighted_products import GateProduct, GateSum
from ablations.attention.fast.weighted_sums import AttendAndMean

CHANNELS, POSITIONS = 32, 128  # of a tile


class FusedFeatureMap(FeatureMap):
    """A FeatureMap whose sums over tiles are accumulated in float32."""

    def attend_and_mean(self, row: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        pooled = self.sums(FusedAttend, self.for_each_image(row), bias)  # (B, 2, C)
        return pooled[:, :1], pooled[:, 1:]

    def gate_sum(self, channel: Tensor, row: Tensor, offset: Tensor) -> Tensor:
        y: Tensor = self.evaluate(FusedGateSum, channel, row, offset)[0]
        return y.reshape(self.shape)

    def gate_product(self, channel: Tensor, row: Tensor, offset: Tensor) -> Tensor:
        y: Tensor = self.evaluate(FusedGateProduct, channel, row, offset)[0]
        return y.reshape(self.shape)


class FusedAttend(AttendAndMean):
    @staticmethod
    def forward(x: Tensor, row: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        return x.view_as(x), *attend(x, row)  # ., (B, 2, C), (B, 1, N)


class FusedGateSum(GateSum):
    @staticmethod
    def forward(x: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        return gate(True, x, *weights)


class FusedGateProduct(GateProduct):
    @staticmethod
    def forward(x: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        return gate(False, x, *weights)


def attend(x: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
    """x pooled by attention and by equal weights, (B, 2, C); the attention, (B, 1, N)."""
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
    adds: bool, x: Tensor, channel: Tensor, row: Tensor, offset: Tensor
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
    """One tile of positions: its scores, and the sums of x with and without them."""
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
