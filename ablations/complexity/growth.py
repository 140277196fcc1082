"""How costs grow with resolution: the polynomials of blocks, alone and in a model."""

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

from ablations.attention.base import Evaluation
from ablations.bare_models import BareModel
from ablations.complexity.any_resolution import bare_polynomials, polynomials_at
from ablations.complexity.polynomial import Polynomial
from ablations.complexity.subjects import ModelCounts, Setting
from ablations.contract import LoneBlock, Size
from ablations.controls import resolve

Growth = Mapping[str, Polynomial]  # by block


def growth_of_blocks(
    names: Iterable[str], channels: int, evaluation: Evaluation, size: Size
) -> Growth:
    """The macs of each block alone, as a polynomial in the positions of its input.

    Blocks without a polynomial are left out. A block may be evaluated differently once
    positions exceed channels: the polynomials are those valid at size. The width of a
    control is that at size.
    """
    costs = {
        name: polynomials_at(
            LoneBlock(resolve(name, channels, size), channels, evaluation), size
        )
        for name in names
        if name != "none"
    }
    return {name: cost.macs for name, cost in costs.items() if cost}


def growth_in_model(
    names: Iterable[str], setting: Setting, evaluation: Evaluation
) -> Growth:
    """The macs that each block adds, in pixels of the image; else like growth_of_blocks."""
    added = {
        name: added_macs(name, setting, evaluation) for name in names if name != "none"
    }
    return {name: macs for name, macs in added.items() if macs is not None}


def added_macs(block: str, setting: Setting, evaluation: Evaluation) -> Polynomial | None:
    """The macs that a block adds, in pixels of the image; None if there is no polynomial.

    Valid for sides that are multiples of the encoder's stride, as setting's must be.
    """
    total = Polynomial()
    for lone, site in ModelCounts(block, evaluation, setting).blocks:
        if site.size:
            costs = polynomials_at(lone, site.size)
            if costs is None:
                return None
            share = Fraction(math.prod(site.size), math.prod(setting.size))
            total += costs.macs.per_pixel(share)
    return total


def bare_growth(bare: BareModel) -> tuple[int, Polynomial] | None:
    """The macs of the bare model, for sides that are multiples of the first number."""
    if fit := bare_polynomials(bare):
        step, costs = fit
        return step, costs.macs
    return None
