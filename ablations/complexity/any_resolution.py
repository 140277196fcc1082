"""Costs at any resolution, without its time or memory.

fvcore must run a module to count it. But its counts are polynomials of the number of
positions: three small runs give them, and a fourth one checks them. A module may compute
large inputs otherwise than small ones; so torch's own counter, which needs no memory on the
meta device, must find at the wanted size what small sizes foretell.
"""

import copy
import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import nn

from ablations.attention import create_attention
from ablations.attention.base import Evaluation
from ablations.complexity.counters import Cost, UncountedError, measure, meta_macs
from ablations.complexity.polynomial import Polynomial, fit
from ablations.errors import InputError
from ablations.models import create_bare

STEPS = (8, 16, 32, 128)  # pixels; pan's decoder halves the encoder's last feature thrice
SMALL_RUN = 520 * 520  # pixels of an image that is run rather than four smaller ones
LARGEST_RUN = 1100 * 1100  # positions of an input that is run for want of a polynomial

Size = tuple[int, int]  # height and width
Sizes = tuple[Size, ...]


class CostPolynomials(NamedTuple):
    """A Cost as a function of the number of positions."""

    params: int
    macs: Polynomial
    by_operator: dict[str, Polynomial]
    uncounted: dict[str, int]

    def at(self, positions: int) -> Cost:
        counts = {name: count.at(positions) for name, count in self.by_operator.items()}
        return Cost(self.params, self.macs.at(positions), counts, self.uncounted)


def fit_costs(module: nn.Module, channels: int, sizes: Sizes) -> CostPolynomials | None:
    """Through what module costs on (channels, H, W) at three sizes; the fourth checks.

    None where its counts do not depend on H * W alone, or it takes nothing so small.
    """
    try:
        costs = {h * w: measure(module, (1, channels, h, w)) for h, w in sizes}
    except UncountedError:
        raise
    except RuntimeError:
        return None
    *fitted, check = costs
    params, _, by_operator, uncounted = costs[check]
    found = {
        name: fit({n: costs[n].by_operator.get(name, 0) for n in fitted})
        for name in by_operator
    }
    if any(found[name].value(check) != count for name, count in by_operator.items()):
        return None
    total = fit({n: costs[n].macs for n in fitted})
    return CostPolynomials(params, total, found, uncounted)


def sizes_from(side: int, step: int = 1) -> Sizes:
    """Four sizes near a side, in steps."""
    sides = [(0, 0), (0, 1), (1, 1), (1, 2)]
    return tuple(((side + h) * step, (side + w) * step) for h, w in sides)


def holds(
    found: CostPolynomials, second: Callable[[Size], int], sizes: Sizes, size: Size
) -> bool:
    """Whether the second counter agrees at size, or with its own polynomial through sizes.

    Where the two counters see different parts of a module, the latter still says that it
    computes at size what it computes at sizes.
    """
    macs = second(size)
    if found.macs.value(math.prod(size)) == macs:
        return True
    return fit({h * w: second((h, w)) for h, w in sizes[:3]}).value(math.prod(size)) == macs


# Blocks, by the positions of their input.


@cache
def block_cost(block: str, channels: int, evaluation: Evaluation, size: Size) -> Cost:
    if polynomials := block_polynomials(block, channels, evaluation, size):
        return polynomials.at(math.prod(size))
    if math.prod(size) > LARGEST_RUN:
        raise InputError(f"block {block!r}: its cost at {size} is no polynomial")
    module = on_cpu(meta_block(block, channels, evaluation))
    return measure(module, (1, channels, *size))


def block_polynomials(
    block: str, channels: int, evaluation: Evaluation, size: Size
) -> CostPolynomials | None:
    """Those in force at that size: an evaluation may change where positions exceed C."""
    second = partial(block_meta_macs, block, channels, evaluation)
    for side in (1, math.isqrt(channels) + 1):
        sizes = sizes_from(side)
        found = fit_block(block, channels, evaluation, sizes)
        if found and holds(found, second, sizes, size):
            return found
    return None


@cache
def fit_block(
    block: str, channels: int, evaluation: Evaluation, sizes: Sizes
) -> CostPolynomials | None:
    return fit_costs(on_cpu(meta_block(block, channels, evaluation)), channels, sizes)


@cache
def block_meta_macs(block: str, channels: int, evaluation: Evaluation, size: Size) -> int:
    """The second counter."""
    return meta_macs(meta_block(block, channels, evaluation), (1, channels, *size))


def meta_block(block: str, channels: int, evaluation: Evaluation) -> nn.Module:
    with torch.device("meta"):
        return create_attention(block, channels, evaluation)


# Bare models, by the pixels of the image.


@cache
def bare_cost(model: str, encoder: str, classes: int, size: Size) -> Cost:
    """By a run if the image is small; else by the polynomials, if they hold at its size."""
    bare = meta_model(model, encoder, classes)
    if math.prod(size) <= SMALL_RUN:
        return measure(on_cpu(bare), (1, 3, *size))
    if fitted := bare_polynomials(model, encoder, classes):
        step, found = fitted
        sizes = sizes_from(1, step)
        second = partial(bare_meta_macs, model, encoder, classes)
        if size[0] % step == size[1] % step == 0 and holds(found, second, sizes, size):
            return found.at(math.prod(size))
    if math.prod(size) > LARGEST_RUN:
        sides = f"at multiples of {fitted[0]}, and " if fitted else ""
        raise InputError(
            f"image size {size[0]}x{size[1]}: {model!r} with encoder {encoder!r} is "
            f"counted {sides}at up to {LARGEST_RUN} pixels"
        )
    return measure(on_cpu(bare), (1, 3, *size))


@cache
def bare_polynomials(
    model: str, encoder: str, classes: int
) -> tuple[int, CostPolynomials] | None:
    """For images whose sides are multiples of the first number."""
    bare = meta_model(model, encoder, classes)
    second = partial(bare_meta_macs, model, encoder, classes)
    for step in STEPS:
        if step % stride_of(bare) == 0:
            sizes = sizes_from(1, step)
            found = fit_costs(on_cpu(bare), 3, sizes)
            if found and holds(found, second, sizes, sizes[-1]):
                return step, found
    return None


@cache
def bare_meta_macs(model: str, encoder: str, classes: int, size: Size) -> int:
    """The second counter."""
    return meta_macs(meta_model(model, encoder, classes), (1, 3, *size))


@cache
def meta_model(model: str, encoder: str, classes: int) -> nn.Module:
    """The bare model without values; not to be changed."""
    with torch.device("meta"):
        return create_bare(model, encoder, classes)


def stride_of(model: Any) -> int:
    """The image's sides over those of the encoder's smallest feature."""
    stride: int = model.encoder.output_stride
    return stride


def on_cpu(module: nn.Module) -> nn.Module:
    """A copy with arbitrary values, which no count depends on."""
    return copy.deepcopy(module).to_empty(device="cpu")
