"""How far a block reaches: which positions of its input an output position depends on."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ablations.anatomy.responses import at_positions, gradients
from ablations.anatomy.specimen import Specimen
from ablations.contract import Size

NEGLIGIBLE = 1e-9  # of the largest influence


class Reach(NamedTuple):
    share: float  # of the other positions, those that an output position depends on
    far_over_near: float  # influence beyond half the longer side over that of neighbours


def reach_of(specimen: Specimen) -> Reach:
    """From the Jacobian of the awake block; NaN over near if neighbours have none."""
    influence, distance = influences(specimen), distances(specimen.size)
    others = distance > 0
    reached = influence > NEGLIGIBLE * influence.max()
    far = influence[distance > max(specimen.size) / 2].square().mean().sqrt().item()
    near = influence[distance == 1].square().mean().sqrt().item()
    ratio = far / near if near > NEGLIGIBLE * influence.max().item() else math.nan
    return Reach(reached[others].double().mean().item(), ratio)


def influences(specimen: Specimen) -> Tensor:
    """(N, N): how much each output position, by row, changes with each input position.

    The norm over input channels of the gradient of one random direction in the output's
    channels; root mean square over the inputs.
    """
    module, generator = specimen.awake(), torch.Generator().manual_seed(5)
    direction = torch.randn(specimen.channels, 1, 1, generator=generator).double()
    values = direction.expand(specimen.channels, *specimen.size)
    height, width = specimen.size
    directions = at_positions(values, torch.arange(height * width))
    squares = [
        gradients(module, x, directions).square().sum(dim=1).flatten(1)
        for x in specimen.inputs()
    ]
    return torch.stack(squares).mean(dim=0).sqrt()


def distances(size: Size) -> Tensor:
    """(N, N) in positions, along the longer of both axes."""
    rows, columns = torch.meshgrid(*map(torch.arange, size), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], dim=1)  # (N, 2)
    return (places[:, None] - places[None]).abs().amax(dim=2)
