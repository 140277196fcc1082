"""The attention of a block on one feature map: its gates, its softmaxes and its effect.

Values are read from the operators of the published evaluation while the block runs, so a
user's own block needs nothing. What they are over is told by a second run on a larger map:
values over positions grow with it, values over channels do not. The effect is read from
input and output, so every block has one.

Shapes: C channels, H x W positions, N = H * W.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ablations.anatomy.form import keeps_zeros
from ablations.blocks import set_evaluation
from ablations.check.gates import SIGMOIDS, Watched, aten
from ablations.errors import InputError

Over = Literal["positions", "channels"]
SOFTMAXES = {aten._softmax}
MOST_POSITIONS = 10_000  # for which a block may compute its (N, N) matrix
SPATIAL, CHANNEL = "spatial mask (sigmoid)", "channel weights (sigmoid)"
POOLING, RECEIVED = "softmax over positions", "attention received, mean over queries"
CHANNEL_SOFTMAX = "channel weights (softmax)"
WEIGHT, ADDED = "weight |y| / |x| at each position", "added: |y - x| at each position"


class Attention(NamedTuple):
    """What one part of a block attends to."""

    what: str
    over: Over
    values: Tensor  # (H, W) over positions, (C) over channels

    def on_cpu(self) -> "Attention":
        return self._replace(values=self.values.float().cpu())


class Result(NamedTuple):
    """What a sigmoid or a softmax returned for one image."""

    is_softmax: bool
    values: Tensor


def attention_of(block: nn.Module, x: Tensor) -> list[Attention]:
    """Gates and softmaxes over positions or channels of x (1, C, H, W), then the effect.

    The block is in eval mode. Results over both, such as a weight for every entry, show
    only in the effect: a norm over channels. Raises InputError for a map with so many
    positions that an (N, N) matrix would not fit.
    """
    if x.shape[2] * x.shape[3] > MOST_POSITIONS:
        raise InputError(
            f"a map of {x.shape[2]}x{x.shape[3]} has more than {MOST_POSITIONS:,} "
            "positions; its attention is not read"
        )
    with torch.no_grad():
        y, found = watched_run(block, x)
        grown = larger_run(block, x)
        pairs = zip_longest(found, grown[: len(found)])
        parts = [part for one, other in pairs if (part := over_one(one, other, x))]
        return [*parts, effect(block, x, y)]


def watched_run(block: nn.Module, x: Tensor) -> tuple[Tensor, list[Result]]:
    """The output, and the results of all sigmoids and softmaxes in their order."""
    with Watched(SIGMOIDS | SOFTMAXES) as watched:
        y: Tensor = set_evaluation(block, "direct")(x.clone())
    return y, [
        Result(operator in SOFTMAXES, values) for operator, values in watched.results
    ]


def larger_run(block: nn.Module, x: Tensor) -> Sequence[Result]:
    """The results on a map of one row and one column more; none if the block fails."""
    try:
        return watched_run(block, pad(x, (0, 1, 0, 1), mode="replicate"))[1]
    except Exception:  # it is made for one size; a user's block raises what it likes
        return []


def over_one(one: Result, larger: Result | None, x: Tensor) -> Attention | None:
    """None if the values are over neither positions nor channels alone.

    larger is the same result on the larger map, if it is known.
    """
    channels, height, width = x.shape[1:]
    positions, more = height * width, (height + 1) * (width + 1)
    sizes = one.values.numel(), larger.values.numel() if larger else None
    if sizes in ((positions, more), (positions, None)):
        what = POOLING if one.is_softmax else SPATIAL
        return Attention(what, "positions", one.values.reshape(height, width))
    if one.is_softmax and sizes in ((positions**2, more**2), (positions**2, None)):
        return received(one.values.reshape(positions, positions), height, width)
    if sizes in ((channels, channels), (channels, None)):
        what = CHANNEL_SOFTMAX if one.is_softmax else CHANNEL
        return Attention(what, "channels", one.values.flatten())
    return None


def received(weights: Tensor, height: int, width: int) -> Attention | None:
    """The mean over queries of weights (N, N); None unless each row sums to one."""
    if not torch.allclose(weights.sum(dim=1), weights.new_ones(()), atol=1e-3):
        return None
    return Attention(RECEIVED, "positions", weights.mean(dim=0).reshape(height, width))


def effect(block: nn.Module, x: Tensor, y: Tensor) -> Attention:
    """What the block does at each position: the weight if it weighs, else |y - x|.

    NaN where x is zero and its weight is unknown.
    """
    if not keeps_zeros(block, x):
        return Attention(ADDED, "positions", (y - x)[0].norm(dim=0))
    before, after = x[0].norm(dim=0), y[0].norm(dim=0)
    weights = torch.where(before > 0, after / before, torch.nan)
    return Attention(WEIGHT, "positions", weights)
