"""Costs at any resolution, without its time or memory.

fvcore must run a module to count it. But its counts are polynomials of the number of
positions: three small runs give them, and a fourth one checks them. A module may compute
large inputs otherwise than small ones; so torch's own counter, which needs no memory on the
meta device, must find at the wanted size what small sizes foretell.
"""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from torch import nn

from ablations.attention.base import Evaluation
from ablations.bare_models import meta_model, real_model
from ablations.complexity.counters import Cost, count, measure, meta_macs, torch_macs
from ablations.complexity.hollow import HollowConvolutions
from ablations.complexity.layers import LayerCount, count_layers, unread_macs
from ablations.complexity.polynomial import Polynomial, fit
from ablations.contract import LARGEST_RUN, Size, built_block, check_block
from ablations.errors import InputError
from ablations.passes import on_meta

STEPS = (8, 16, 32, 128)  # pixels; pan's decoder halves the encoder's last feature thrice

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

    None where its counts do not depend on H * W alone or are not all known, or it takes
    nothing so small.
    """
    try:
        costs = {h * w: count(module, (1, channels, h, w)) for h, w in sizes}
    except Exception:  # every module has its own way to refuse a size
        return None
    *fitted, check = costs
    macs = {positions: cost.macs for positions, cost in costs.items()}
    if (known := {n: found for n, found in macs.items() if found is not None}) != macs:
        return None
    params, _, by_operator, uncounted, _ = costs[check]
    found = {
        name: fit({n: costs[n].by_operator.get(name, 0) for n in fitted})
        for name in by_operator
    }
    if any(found[name].value(check) != number for name, number in by_operator.items()):
        return None
    return CostPolynomials(params, fit({n: known[n] for n in fitted}), found, uncounted)


def sizes_from(side: int, step: int = 1) -> Sizes:
    """Four sizes near a side, in steps."""
    sides = [(0, 0), (0, 1), (1, 1), (1, 2)]
    return tuple(((side + h) * step, (side + w) * step) for h, w in sides)


def holds(
    found: CostPolynomials, second: Callable[[Size], int | None], sizes: Sizes, size: Size
) -> bool:
    """Whether the second counter agrees at size, or with its own polynomial through sizes.

    Where the two counters see different parts of a module, the latter still says that it
    computes at size what it computes at sizes.
    """
    macs = second(size)
    if found.macs.value(math.prod(size)) == macs:
        return True
    small = {h * w: second((h, w)) for h, w in sizes[:3]}
    known = {positions: number for positions, number in small.items() if number is not None}
    return len(known) == 3 and fit(known).value(math.prod(size)) == macs


def second_count(
    twin: Callable[[], nn.Module], real: Callable[[], nn.Module], shape: tuple[int, ...]
) -> int | None:
    """Without values, or with them if the module needs them and the size allows it."""
    try:
        return meta_macs(twin(), shape)
    except Exception:  # also where tensors are too large to be numbered
        small = math.prod(shape[2:]) <= LARGEST_RUN
        return torch_macs(real(), shape) if small else None


# Blocks, by the positions of their input.


@cache
def block_cost(block: str, channels: int, evaluation: Evaluation, size: Size) -> Cost:
    """Raises InputError for a block that cannot be built, or not run at that size."""
    check_block(block, channels, size)
    if polynomials := block_polynomials(block, channels, evaluation, size):
        return polynomials.at(math.prod(size))
    module = built_block(block, channels, evaluation)
    if math.prod(size) <= LARGEST_RUN:
        return measure(module, (1, channels, *size))
    small = measure(module, (1, channels, 8, 8))
    if small.macs is None:
        return small
    raise InputError(
        f"block {block!r} on {channels} channels of {size[0]}x{size[1]}: nothing tells its "
        f"cost but a run, which takes up to {LARGEST_RUN:,} positions"
    )


@cache
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
    return fit_costs(built_block(block, channels, evaluation), channels, sizes)


@cache
def block_meta_macs(
    block: str, channels: int, evaluation: Evaluation, size: Size
) -> int | None:
    """The second counter; None where it takes no such block or size."""
    names = (block, channels, evaluation)
    shape = (1, channels, *size)
    return second_count(partial(meta_block, *names), partial(built_block, *names), shape)


@cache
def meta_block(block: str, channels: int, evaluation: Evaluation) -> nn.Module:
    """The block without values; not to be changed."""
    return on_meta(built_block(block, channels, evaluation))


@cache
def block_layers(
    block: str, channels: int, evaluation: Evaluation, size: Size
) -> list[LayerCount]:
    module, shape = built_block(block, channels, evaluation), (1, channels, *size)
    try:
        return count_layers(on_meta(module), shape)
    except Exception:  # what needs values
        return count_layers(module, shape)


@cache
def block_unread(block: str, channels: int, evaluation: Evaluation, size: Size) -> int:
    return unread_macs(built_block(block, channels, evaluation), (1, channels, *size))


# Bare models, by the pixels of the image.


@cache
def bare_cost(model: str, encoder: str, classes: int, size: Size) -> Cost:
    """By the polynomials where they hold for such a size, else by a run at that size."""
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
    with HollowConvolutions():
        return measure(real_model(model, encoder, classes), (1, 3, *size))


@cache
def bare_polynomials(
    model: str, encoder: str, classes: int
) -> tuple[int, CostPolynomials] | None:
    """For images whose sides are multiples of the first number."""
    second = partial(bare_meta_macs, model, encoder, classes)
    stride = stride_of(meta_model(model, encoder, classes))
    for step in STEPS:
        if step % stride == 0:
            sizes = sizes_from(1, step)
            with HollowConvolutions():
                found = fit_costs(real_model(model, encoder, classes), 3, sizes)
            if found and holds(found, second, sizes, sizes[-1]):
                return step, found
    return None


@cache
def bare_meta_macs(model: str, encoder: str, classes: int, size: Size) -> int | None:
    """The second counter; None where it takes no such model."""
    names = (model, encoder, classes)
    return second_count(
        partial(meta_model, *names), partial(real_model, *names), (1, 3, *size)
    )


@cache
def bare_layers(model: str, encoder: str, classes: int, size: Size) -> list[LayerCount]:
    try:
        return count_layers(meta_model(model, encoder, classes), (1, 3, *size))
    except Exception:  # what needs values
        return count_layers(real_model(model, encoder, classes), (1, 3, *size))


@cache
def bare_unread(model: str, encoder: str, classes: int, size: Size) -> int:
    return unread_macs(meta_model(model, encoder, classes), (1, 3, *size))


def stride_of(model: Any) -> int:
    """The image's sides over those of the encoder's smallest feature."""
    stride: int = model.encoder.output_stride
    return stride
