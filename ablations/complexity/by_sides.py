"""The cost of a block that depends on both sides of its input, not on H * W alone.

Criss-cross attention costs (H + W) * H * W, coordinate attention H + W. Such counts are at
most quadratic in each side: nine small runs determine them, and a tenth checks them. A
block that pools windows leaves out an odd last row, so its counts are polynomials only
among sides with the same remainder: these runs have that of the requested size. As for any
resolution, the second counter must agree at that size.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache

from ablations.complexity.cost import Cost
from ablations.complexity.counters import count
from ablations.complexity.polynomial import extrapolate
from ablations.contract import LoneBlock, Size

STEPS = (1, 2, 4)  # windows of pooling

SecondCount = Callable[[LoneBlock, Size], int | None]


def cost_by_sides(part: LoneBlock, size: Size, second_count: SecondCount) -> Cost | None:
    """None if no such polynomials hold at that size."""
    for step in STEPS:
        for side in (1, math.isqrt(part.channels) + 1):
            first = (alike(size[0], side, step), alike(size[1], side, step))
            costs = costs_from(part, first, step)
            if costs:
                cost = extrapolated(costs, size)
                if cost and holds(part, cost, [*costs], size, second_count):
                    return cost
    return None


def alike(side: int, least: int, step: int) -> int:
    """The smallest side from least on that leaves the same remainder."""
    return least + (side - least) % step


@cache
def costs_from(part: LoneBlock, first: Size, step: int) -> dict[Size, Cost] | None:
    """On a grid of sizes from first on; None if they do not foretell the cost beyond it."""
    top, left = first
    sizes = [(top + h * step, left + w * step) for h in range(3) for w in range(3)]
    beyond = (top + 3 * step, left + 5 * step)
    module = part.real()
    try:
        costs = {size: count(module, part.input_shape(size)) for size in [*sizes, beyond]}
    except Exception:  # each module rejects a size in its own way
        return None
    expected = costs.pop(beyond)
    return costs if extrapolated(costs, beyond) == expected else None


def extrapolated(costs: Mapping[Size, Cost], size: Size) -> Cost | None:
    """None if a count on the grid is unknown, or one at size is not a whole number."""
    last = [*costs.values()][-1]
    if any(cost.macs is None for cost in costs.values()):
        return None
    counts = {
        name: extrapolate(
            {at: cost.by_operator.get(name, 0) for at, cost in costs.items()}, size
        )
        for name in last.by_operator
    }
    macs = extrapolate({at: cost.macs or 0 for at, cost in costs.items()}, size)
    if any(number.denominator != 1 for number in (macs, *counts.values())):
        return None
    whole = {name: number.numerator for name, number in counts.items()}
    return Cost(last.params, macs.numerator, whole, last.uncounted)


def holds(
    part: LoneBlock, cost: Cost, grid: list[Size], size: Size, second_count: SecondCount
) -> bool:
    """Whether the second counter agrees at size, or with its own extrapolation."""
    macs = second_count(part, size)
    if cost.macs == macs:
        return True
    small = {at: second_count(part, at) for at in grid}
    numbers = {at: number for at, number in small.items() if number is not None}
    return len(numbers) == len(grid) and extrapolate(numbers, size) == macs
