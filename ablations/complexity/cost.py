"""What a count yields, and how the counts of parts add up."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from ablations.complexity.handles import NOT_COUNTED


class Cost(NamedTuple):
    """What a module costs for one forward pass in eval mode."""

    params: int
    macs: int | None  # of convolutions and matrix products; None if not all are counted
    by_operator: dict[str, int]  # all that fvcore counts, by its names
    uncounted: dict[str, int]  # calls of the operators that fvcore does not know
    not_counted: str = ""  # why macs are None: names of operators, or a reason


def figure(cost: Cost) -> int | str:
    """For tables: the macs, or that they are not counted and why."""
    return NOT_COUNTED + cost.not_counted if cost.macs is None else cost.macs


def add_costs(costs: Iterable[Cost]) -> Cost:
    """The macs of the whole are known if those of every part are."""
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
    """None if one of them is."""
    result = 0
    for number in numbers:
        if number is None:
            return None
        result += number
    return result
