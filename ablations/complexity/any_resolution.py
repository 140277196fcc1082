"""Costs at any resolution, without the time or memory of a run there.

fvcore must run a module to count it. But its counts are polynomials in the number of
positions: three small runs determine them, and a fourth checks them. (The counts of some
blocks are polynomials of both sides: by_sides.py.) A module may treat
large inputs differently from small ones, so torch's own counter, which needs no memory on
the meta device, must agree at the requested size with the extrapolation from small ones.
"""

import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ablations.bare_models import BareModel
from ablations.complexity.by_sides import cost_by_sides
from ablations.complexity.cost import Cost
from ablations.complexity.counters import count, measure, meta_macs, torch_macs
from ablations.complexity.hollow import HollowConvolutions
from ablations.complexity.layers import LayerCount, count_layers, unread_macs
from ablations.complexity.polynomial import Polynomial, fit
from ablations.contract import LARGEST_RUN, SMALL, LoneBlock, Size, check_block
from ablations.errors import InputError
from ablations.memory import check_memory

# A block or a model without one: its cost depends on the positions of its input.
Part = LoneBlock | BareModel

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


@cache
def cost_at(part: Part, size: Size) -> Cost:
    """Computed from polynomials if any hold at that size, else from a run.

    Raises InputError if the part cannot be built, or cannot be run at that size.
    """
    if isinstance(part, LoneBlock):
        check_block(part.block, part.channels, size)
    if polynomials := polynomials_at(part, size):
        return polynomials.at(math.prod(size))
    if isinstance(part, LoneBlock) and math.prod(size) > SMALL:
        cost = cost_by_sides(part, size, second_count)
        if cost:
            return cost
    if math.prod(size) <= LARGEST_RUN:
        return run(part, size)
    if isinstance(part, LoneBlock) and (small := run(part, (8, 8))).macs is None:
        return small
    raise too_large(part, size)


def run(part: Part, size: Size) -> Cost:
    """InputError for a block that is known to need more memory than is free."""
    check_fits(part, size)
    with without_products(part):
        return measure(part.real(), part.input_shape(size))


def check_fits(part: Part, size: Size) -> None:
    if isinstance(part, LoneBlock) and math.prod(size) > SMALL:
        x = torch.empty(part.input_shape(size))
        where = f"{part.block!r} on {part.channels} channels at {size[0]}x{size[1]}"
        check_memory(f"block {where}: a run to count it", forward, part.real(), x)


def forward(module: nn.Module, x: Tensor) -> Callable[[], object]:
    return torch.no_grad()(partial(module, x))


def without_products(part: Part) -> HollowConvolutions | nullcontext[None]:
    """Skips the products of a model. A block runs in full: a user's may look at values."""
    return nullcontext() if isinstance(part, LoneBlock) else HollowConvolutions()


def too_large(part: Part, size: Size) -> InputError:
    sides = f"{size[0]}x{size[1]}"
    if isinstance(part, LoneBlock):
        return InputError(
            f"block {part.block!r} on {part.channels} channels at {sides}: its cost "
            f"can only be found by a run, which is limited to {LARGEST_RUN:,} positions"
        )
    steps = "".join(f"at multiples of {step}, or " for step, _ in samples(part))
    return InputError(
        f"image size {sides}: {part.model!r} with encoder {part.encoder!r} can "
        f"only be counted {steps}at up to {LARGEST_RUN:,} pixels"
    )


@cache
def polynomials_at(part: Part, size: Size) -> CostPolynomials | None:
    """Those valid at that size: an evaluation may change once positions exceed C."""
    for step, sizes in samples(part):
        if size[0] % step == size[1] % step == 0:
            polynomials = fit_costs(part, sizes)
            if polynomials and holds(part, polynomials, sizes, size):
                return polynomials
    return None


@cache
def samples(part: Part) -> list[tuple[int, Sizes]]:
    """Small sizes to extrapolate from, each set with the step that sides must follow."""
    if isinstance(part, LoneBlock):
        return [(1, sizes_from(side)) for side in (1, math.isqrt(part.channels) + 1)]
    model: Any = part.meta()
    for step in STEPS:
        if step % model.encoder.output_stride == 0:
            sizes = sizes_from(1, step)
            polynomials = fit_costs(part, sizes)
            if polynomials and holds(part, polynomials, sizes, sizes[-1]):
                return [(step, sizes)]
    return []


def bare_polynomials(bare: BareModel) -> tuple[int, CostPolynomials] | None:
    """For images whose sides are multiples of the first number."""
    for step, sizes in samples(bare):
        if polynomials := fit_costs(bare, sizes):
            return step, polynomials
    return None


def sizes_from(side: int, step: int = 1) -> Sizes:
    """Four sizes near a side, in steps."""
    sides = [(0, 0), (0, 1), (1, 1), (1, 2)]
    return tuple(((side + h) * step, (side + w) * step) for h, w in sides)


@cache
def fit_costs(part: Part, sizes: Sizes) -> CostPolynomials | None:
    """Fitted to a part's costs at three sizes and checked at the fourth.

    None if its counts do not depend on H * W alone, if some are unknown, or if it does not
    run at sizes this small.
    """
    module = part.real()
    try:
        with without_products(part):
            costs = {h * w: count(module, part.input_shape((h, w))) for h, w in sizes}
    except Exception:  # each module rejects a size in its own way
        return None
    *three, check = costs
    macs = {
        positions: cost.macs for positions, cost in costs.items() if cost.macs is not None
    }
    if len(macs) < len(costs):
        return None
    params, _, by_operator, uncounted, _ = costs[check]
    polynomials = {
        name: fit({n: costs[n].by_operator.get(name, 0) for n in three})
        for name in by_operator
    }
    if any(polynomials[name].value(check) != n for name, n in by_operator.items()):
        return None
    return CostPolynomials(params, fit({n: macs[n] for n in three}), polynomials, uncounted)


def holds(part: Part, polynomials: CostPolynomials, sizes: Sizes, size: Size) -> bool:
    """Whether the second counter agrees at size, or with its own polynomial through sizes.

    If the two counters see different parts of a module, the latter still shows that it
    computes the same at size as at sizes.
    """
    macs = second_count(part, size)
    if polynomials.macs.value(math.prod(size)) == macs:
        return True
    small = {h * w: second_count(part, (h, w)) for h, w in sizes[:3]}
    numbers = {n: number for n, number in small.items() if number is not None}
    return len(numbers) == 3 and fit(numbers).value(math.prod(size)) == macs


@cache
def second_count(part: Part, size: Size) -> int | None:
    """Macs without values, or with them if the part needs them and the size allows it."""
    shape = part.input_shape(size)
    try:
        return meta_macs(part.meta(), shape)
    except Exception:  # also if a tensor has too many elements to index
        if math.prod(size) > LARGEST_RUN:
            return None
        check_fits(part, size)
        return torch_macs(part.real(), shape)


@cache
def layers_at(part: Part, size: Size) -> list[LayerCount]:
    shape = part.input_shape(size)
    try:
        return count_layers(part.meta(), shape)
    except Exception:  # it needs values
        return count_layers(part.real(), shape)


@cache
def unread_at(part: Part, size: Size) -> int:
    """Macs of layers that nothing reads. A model runs without values, which saves time."""
    module = part.real() if isinstance(part, LoneBlock) else part.meta()
    return unread_macs(module, part.input_shape(size))
