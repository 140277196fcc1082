"""How a block begins: the scale of what it passes on, its Jacobian, and its gates."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.anatomy.responses import gradients, respond
from ablations.anatomy.specimen import Specimen
from ablations.check.gates import gates_of
from ablations.check.promises import rms

BLOCKS_IN_A_ROW = 16  # as many as ResNet-50 has residual blocks


class Start(NamedTuple):
    """Of the block as it is built."""

    scale_noise: float  # RMS of the output over that of the input, for white noise
    scale_smooth: float  # the same for a smooth input
    largest: float  # singular value of the Jacobian, for white noise
    median: float
    smallest: float
    through_16: float  # geometric mean of the singular values, to the power of 16
    lowest_gate: float | None  # results of sigmoids; None if there are none
    highest_gate: float | None
    saturated: float | None  # share of values below 0.05 or above 0.95, worst gate


def start_of(specimen: Specimen) -> Start:
    """The Jacobian is that of a map with half the sides, which is small enough."""
    module = specimen.as_built()
    values = singular_values(specimen)
    mean = values.log().mean()
    gates = gates_of(module, specimen.noise())
    return Start(
        scale(module, specimen.noise()),
        scale(module, specimen.smooth()),
        values.max().item(),
        values.median().item(),
        values.min().item(),
        (BLOCKS_IN_A_ROW * mean).exp().item(),
        min((gate.lowest for gate in gates), default=None),
        max((gate.highest for gate in gates), default=None),
        max((gate.saturated for gate in gates), default=None),
    )


def scale(module: nn.Module, x: Tensor) -> float:
    return rms(respond(module, x)) / rms(x)


def singular_values(specimen: Specimen) -> Tensor:
    """Of the whole Jacobian (C N, C N) at white noise, on half the sides."""
    height, width = specimen.size
    small = specimen._replace(size=(height // 2, width // 2))
    x = small.noise()
    directions = torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape[1:])
    jacobian = gradients(small.as_built(), x, directions).flatten(1)
    values: Tensor = torch.linalg.svdvals(jacobian)
    return values
