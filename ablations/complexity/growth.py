"""How costs grow with resolution: the polynomials of blocks, alone and in a model."""

from collections.abc import Iterable, Mapping

from ablations.attention.base import Evaluation
from ablations.complexity.any_resolution import bare_polynomials, block_polynomials
from ablations.complexity.model_cost import Setting, added_macs
from ablations.complexity.polynomial import Polynomial
from ablations.contract import Size

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
