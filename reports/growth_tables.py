"""Tables of growth: the polynomials of blocks, and where they cross over."""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pandas import DataFrame

from ablations.attention.base import Evaluation
from ablations.complexity.cost import figure
from ablations.complexity.growth import Growth
from ablations.complexity.subjects import Counts

SIDES = (8, 2**14)  # of square images; crossovers outside this range are left out


def growth_table(
    growths: Mapping[Evaluation, Growth], counts: Iterable[Counts] = ()
) -> DataFrame:
    """One row per block and evaluation: constant + linear * N + quadratic * N**2 macs.

    Rows for blocks that are not counted follow, with the reason as their constant.
    """
    rows: list[dict[str, Any]] = [
        {"block": name, "evaluation": evaluation}
        | {power: float(getattr(macs, power)) for power in POWERS}
        for evaluation, growth in growths.items()
        for name, macs in growth.items()
    ]
    rows += [
        {"block": one.block, "evaluation": one.evaluation, "constant": figure(one.cost)}
        for one in counts
        if one.macs is None
    ]
    return DataFrame(rows, columns=["block", "evaluation", *POWERS])


POWERS = ("constant", "linear", "quadratic")


def crossovers(growths: Mapping[Evaluation, Growth]) -> DataFrame:
    """One row per pair of blocks and size from which one costs more than the other.

    side is that of a square image, below which the dearer block is the cheaper one.
    """
    rows = []
    for evaluation, growth in growths.items():
        for first, second in itertools.combinations(growth, 2):
            difference = growth[first] - growth[second]
            for positions in difference.sign_changes():
                side = math.sqrt(positions)
                if SIDES[0] < side < SIDES[1]:
                    grows = difference.rises_at(positions)
                    dearer, cheaper = (first, second) if grows else (second, first)
                    rows.append((evaluation, dearer, cheaper, side))
    return DataFrame(rows, columns=["evaluation", "dearer", "cheaper", "side"])
