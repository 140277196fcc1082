"""Whether every position gets a context of its own, and how rich one is.

What the left of an image gets from the right: the Jacobian of the block's effect at the
positions on the left by the input on the right. Own positions and neighbours are not in it.
The effect is the weights y / x of a block that weighs, else y.

Over positions   its rows are equal if all positions get the same context, so rank 1
Over channels    its rank at one position is the number of channels that a context has
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.anatomy.form import Form
from ablations.anatomy.responses import at_positions, gradients
from ablations.anatomy.specimen import Specimen
from ablations.contract import Size

GAP = 4  # columns between left and right, more than half of a 7x7 kernel
NEGLIGIBLE = 1e-9  # of the largest singular value
CROSSING = 1e-3  # of the largest gradient; the least that is expected to cross the gap


class Contexts(NamedTuple):
    """The largest over all inputs; zero if nothing crosses the gap."""

    distinct: int  # numerical rank over positions
    effective: float  # effective rank over positions
    channels: int  # numerical rank over channels


def contexts_of(specimen: Specimen, form: Form) -> Contexts:
    """From the Jacobian of the awake block."""
    module, generator = specimen.awake(), torch.Generator().manual_seed(6)
    direction = torch.randn(specimen.channels, 1, 1, generator=generator).double()
    left, right = sides(specimen.size)
    found = []
    for x in specimen.inputs():
        scale = 1 / x[0] if form.weighs else torch.ones_like(x[0])  # (C, H, W)
        by_position = at_positions(direction * scale, left)
        by_channel = at_channels(scale, int(left[len(left) // 2]))
        positions = spectrum(module, x, by_position, right)
        channels = spectrum(module, x, by_channel, right)
        found.append(Contexts(rank(positions), effective_rank(positions), rank(channels)))
    return Contexts(*map(max, zip(*found, strict=True)))


def sides(size: Size) -> tuple[Tensor, Tensor]:
    """The positions left and right of the gap."""
    height, width = size
    places = torch.arange(height * width).reshape(size)
    columns = max(1, (width - GAP) // 2)
    return places[:, :columns].flatten(), places[:, -columns:].flatten()


def at_channels(scale: Tensor, position: int) -> Tensor:
    """A direction (C, H, W) for each channel at one position."""
    channels = len(scale)
    directions = scale.new_zeros(channels, *scale.shape).flatten(2)  # (C, C, N)
    numbers = torch.arange(channels)
    directions[numbers, numbers, position] = scale.flatten(1)[:, position]
    return directions.reshape(channels, *scale.shape)


def spectrum(module: nn.Module, x: Tensor, directions: Tensor, right: Tensor) -> Tensor:
    """Singular values of the gradients on the right; empty if they are negligible."""
    everywhere = gradients(module, x, directions).flatten(2)  # (K, C, N)
    across = torch.linalg.svdvals(everywhere[:, :, right].flatten(1))
    least = max(across.max().item(), CROSSING * everywhere.abs().max().item())
    return torch.masked_select(across, across > NEGLIGIBLE * least)


def rank(values: Tensor) -> int:
    return len(values)


def effective_rank(values: Tensor) -> float:
    """exp of the entropy of the singular values as shares of their sum; zero if none.

    Roy and Vetterli, "The effective rank: a measure of effective dimensionality", 2007.
    """
    shares = values / values.sum()
    return torch.exp(-(shares * shares.log()).sum()).item() if len(values) else 0.0
