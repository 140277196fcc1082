"""What a block does to its input: weighs it, adds to it, or replaces it.

A block that weighs returns zero wherever its input is zero. Its weights y / x, a (C, N)
matrix for each input, show what they are made of. Any other block adds or replaces: the
slope of y over x within a channel is near 1 if x is passed on, and near 0 if not.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.anatomy.responses import respond
from ablations.anatomy.specimen import Specimen
from ablations.check.promises import rms

EQUAL = 1e-6  # relative RMS of what is zero but for rounding
ZEROED = 0.1  # share of entries that are set to zero
PASSED_ON = 0.5  # the slope from which x is passed on

NOTHING = "nothing"
FACTOR = "one factor"
EVERY_ENTRY = "weights on every entry"
CONSTANT = "adds a constant"
ONE_CONTEXT = "adds one context"
OWN_CONTEXTS = "adds to each position"
REPLACES = "replaces"


class Form(NamedTuple):
    """How an awake block changes white noise, its negative and a smooth input."""

    kind: str
    weighs: bool  # y = x * weights
    slope: float  # of y over x


def form_of(specimen: Specimen) -> Form:
    module, inputs = specimen.awake(), specimen.inputs()
    pairs = [(x[0].flatten(1), respond(module, x)[0].flatten(1)) for x in inputs]
    slope = slope_of(*pairs[0])
    if all(keeps_zeros(module, x) for x in inputs):
        return Form(kind_of_weights([y / x for x, y in pairs]), weighs=True, slope=slope)
    without = respond(module, torch.zeros_like(inputs[0]))[0].flatten(1)
    changes = [y - slope * x - without for x, y in pairs]
    return Form(kind_of_change(changes, slope), weighs=False, slope=slope)


def keeps_zeros(module: nn.Module, x: Tensor) -> bool:
    """Whether the output is zero wherever x is."""
    generator = torch.Generator().manual_seed(4)
    zeroed = torch.rand(x.shape, generator=generator) < ZEROED
    output = respond(module, x.masked_fill(zeroed, 0.0))
    return rms(output[zeroed]) <= EQUAL * rms(output)


def kind_of_weights(weights: Sequence[Tensor]) -> str:
    """The simplest description that fits the weights (C, N) of every input."""
    if all(rms(w - 1) <= EQUAL for w in weights):
        return NOTHING
    for kind, misfit in MISFITS.items():
        if all(misfit(w) <= EQUAL * rms(w) for w in weights):
            return kind
    return EVERY_ENTRY


MISFITS: dict[str, Callable[[Tensor], float]] = {  # of weights (C, N), the simplest first
    FACTOR: lambda w: rms(w - w.mean()),
    "weights on channels": lambda w: rms(centred(w, 1)),
    "weights on positions": lambda w: rms(centred(w, 0)),
    "channel + position weights": lambda w: rms(centred(centred(w, 0), 1)),
    "channel x position weights": lambda w: rms_beyond_rank_one(w),
}


def rms_beyond_rank_one(weights: Tensor) -> float:
    values: Tensor = torch.linalg.svdvals(weights)[1:]
    return math.sqrt(values.square().sum().item() / weights.numel())


def kind_of_change(changes: Sequence[Tensor], slope: float) -> str:
    """Of f(x) - slope * x - f(0), which leaves biases out."""
    if abs(slope) < PASSED_ON:
        return REPLACES
    if all(rms(change) <= EQUAL**2 for change in changes):
        return CONSTANT
    same = all(rms(centred(change, 1)) <= EQUAL * rms(change) for change in changes)
    return ONE_CONTEXT if same else OWN_CONTEXTS


def slope_of(x: Tensor, y: Tensor) -> float:
    """Least squares over all positions, around the mean of each channel."""
    x, y = centred(x, 1), centred(y, 1)
    return ((x * y).sum() / x.square().sum()).item()


def centred(values: Tensor, dim: int) -> Tensor:
    return values - values.mean(dim, keepdim=True)
