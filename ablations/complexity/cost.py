"""The cost of a module, and how the costs of parts add up."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from ablations.complexity.handles import NOT_COUNTED


class Cost(NamedTuple):
    """What a module costs for one forward pass in eval mode."""

    params: int
    macs: int | None  # of convolutions and matrix products; None if not all are counted
    by_operator: dict[str, int]  # everything fvcore counts, under its names
    uncounted: dict[str, int]  # calls of operators that fvcore does not know
    not_counted: str = ""  # why macs are None: names of operators, or a reason


def figure(cost: Cost) -> int | str:
    """The macs, or a text that says why they are not counted."""
    return NOT_COUNTED + cost.not_counted if cost.macs is None else cost.macs


def add_costs(costs: Iterable[Cost]) -> Cost:
    """The sum has macs only if every part has."""
    params, macs, reasons = 0, list[int | None](), dict[str, None]()
    by_operator, uncounted = Counter[str](), Counter[str]()
    for cost in costs:
        params += cost.params
        macs.append(cost.macs)
        by_operator.update(cost.by_operator)
        uncounted.update(cost.uncounted)
        reasons |= dict.fromkeys([cost.not_counted] if cost.not_counted else [])
    return Cost(params, total(macs), dict(by_operator), dict(uncounted), ", ".join(reasons))


def total(numbers: Iterable[int | None]) -> int | None:
    """The sum; None if any number is None."""
    result = 0
    for number in numbers:
        if number is None:
            return None
        result += number
    return result
