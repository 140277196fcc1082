"""How costs grow with resolution, and from which one on a block costs more than another."""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pandas import DataFrame

from ablations.attention.base import Evaluation
from ablations.complexity.any_resolution import bare_polynomials, block_polynomials
from ablations.complexity.counters import figure
from ablations.complexity.counts import Counts
from ablations.complexity.model_cost import Setting, added_macs
from ablations.complexity.polynomial import Polynomial
from ablations.contract import Size

SIDES = (8, 2**14)  # of squares; crossovers beyond are of no use

Growth = Mapping[str, Polynomial]  # by block


def growth_of_blocks(
    names: Iterable[str], channels: int, evaluation: Evaluation, size: Size
) -> Growth:
    """The macs of each block alone, by the positions of its input.

    Blocks without such a polynomial are left out. A block may be evaluated otherwise where
    positions exceed channels: the polynomials are those in force at size.
    """
    found = {
        name: block_polynomials(name, channels, evaluation, size)
        for name in names
        if name != "none"
    }
    return {name: costs.macs for name, costs in found.items() if costs}


def growth_in_model(
    names: Iterable[str], setting: Setting, evaluation: Evaluation
) -> Growth:
    """The macs that each block adds, by the pixels of the image, as growth_of_blocks."""
    found = {
        name: added_macs(setting, name, evaluation) for name in names if name != "none"
    }
    return {name: added for name, added in found.items() if added is not None}


def bare_growth(setting: Setting) -> tuple[int, Polynomial] | None:
    """The macs of the bare model, for sides that are multiples of the first number."""
    fitted = bare_polynomials(setting.model, setting.encoder, setting.classes)
    return (fitted[0], fitted[1].macs) if fitted else None


def growth_table(
    growths: Mapping[Evaluation, Growth], counts: Iterable[Counts] = ()
) -> DataFrame:
    """One row per block and evaluation: constant + linear * N + quadratic * N**2 macs.

    Those of counts that are not counted follow, with the reason as their constant.
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
    """One row per pair of blocks and resolution from which one costs more than the other.

    side is that of a square; the dearer block is cheaper below it.
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
