"""Content or place: does a block treat positions alike, and does content steer it?

Errors are the root mean square of the difference, relative to that of the block's effect,
f(x) - slope * x - f(0). They are zero for a block that treats positions alike, and about 1
for one that does not.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.anatomy.form import Form
from ablations.anatomy.responses import respond
from ablations.anatomy.specimen import Specimen
from ablations.check.promises import rms
from ablations.contract import Size

SHIFT = (1, 2)  # rows and columns
MARGIN = 3  # positions beside a border, which half of a 7x7 kernel crosses
ROUNDING = 1e-9  # an effect that is smaller, relative to the input, is none

Change = Callable[[Tensor], Tensor]


class Symmetry(NamedTuple):
    """The largest errors over all inputs of the awake block."""

    permutation: float  # of positions
    translation: float  # circular, away from borders; NaN if a map has no such positions
    flip: float  # left to right
    curvature: float  # f(x + z) - f(x) - f(z) + f(0): zero if content steers nothing


def symmetry_of(specimen: Specimen, form: Form) -> Symmetry:
    module, (height, width) = specimen.awake(), specimen.size
    generator = torch.Generator().manual_seed(7)
    order = torch.randperm(height * width, generator=generator)
    everywhere = torch.ones(specimen.size, dtype=torch.bool)

    def worst(change: Change, where: Tensor) -> float:
        return max(error(module, x, change, where, form) for x in specimen.inputs())

    return Symmetry(
        worst(lambda x: x.flatten(2)[:, :, order].reshape(x.shape), everywhere),
        worst(lambda x: x.roll(SHIFT, (2, 3)), inside(specimen.size)),
        worst(lambda x: x.flip(3), everywhere),
        curvature(module, specimen.noise(), specimen.smooth(), form),
    )


def error(module: nn.Module, x: Tensor, change: Change, where: Tensor, form: Form) -> float:
    """Of the response to a changed input, against the changed response."""
    difference = respond(module, change(x)) - change(respond(module, x))
    return relative(difference[:, :, where], module, x, form)


def curvature(module: nn.Module, x: Tensor, z: Tensor, form: Form) -> float:
    parts = respond(module, x) + respond(module, z) - respond(module, torch.zeros_like(x))
    return relative(respond(module, x + z) - parts, module, x + z, form)


def relative(difference: Tensor, module: nn.Module, x: Tensor, form: Form) -> float:
    """Zero if the difference is rounding, also where there is no effect; NaN if empty."""
    output = respond(module, x)
    if rms(difference) <= ROUNDING * rms(output):
        return 0.0
    effect = output - form.slope * x - respond(module, torch.zeros_like(x))
    return rms(difference) / max(rms(effect), ROUNDING * rms(x))


def inside(size: Size) -> Tensor:
    """(H, W): positions away from borders, before and after the shift."""
    where = torch.zeros(size, dtype=torch.bool)
    (height, width), (down, right) = size, SHIFT
    where[MARGIN + down : height - MARGIN, MARGIN + right : width - MARGIN] = True
    return where
