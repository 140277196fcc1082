"""How costs grow with the image, and from which resolution one block costs more."""

import itertools
from collections.abc import Sequence

from pandas import DataFrame

from ablations.attention.base import Evaluation
from ablations.complexity.any_resolution import bare_polynomials
from ablations.complexity.composition import Setting, added_macs
from ablations.complexity.polynomial import Polynomial
from ablations.errors import InputError
from ablations.models import check_size

LARGEST_SIDE = 2**16  # pixels; crossovers beyond are of no use


def growth(names: Sequence[str], setting: Setting, evaluation: Evaluation) -> DataFrame:
    """The macs of a model with each block, as constant + linear * N + quadratic * N**2.

    N is the number of pixels of the image. added_* are of the blocks alone. macs are
    integers where N belongs to sides that are multiples of step.
    """
    fitted = bare_polynomials(setting.model, setting.encoder, setting.classes)
    if fitted is None:
        raise InputError(
            f"model {setting.model!r}: its cost is no polynomial of the pixels"
        )
    step, bare = fitted
    rows: list[dict[str, object]] = []
    for name in names:
        added = added_polynomial(setting, name, evaluation)
        total = bare.macs + added
        rows.append(
            {"block": name, "step": step}
            | {power: float(getattr(total, power)) for power in POWERS}
            | {f"added_{power}": float(getattr(added, power)) for power in POWERS}
        )
    return DataFrame(rows)


POWERS = ("constant", "linear", "quadratic")


def crossovers(names: Sequence[str], setting: Setting, evaluation: Evaluation) -> DataFrame:
    """One row per pair of blocks and resolution from which one costs more than the other.

    pixels is the number of pixels of the image; the dearer block is cheaper below.
    """
    added = {name: added_polynomial(setting, name, evaluation) for name in names}
    rows = []
    for first, second in itertools.combinations(names, 2):
        difference = added[first] - added[second]
        for pixels in difference.sign_changes():
            if 1 < pixels < LARGEST_SIDE**2:
                grows = difference.rises_at(pixels)
                dearer, cheaper = (first, second) if grows else (second, first)
                rows.append({"dearer": dearer, "cheaper": cheaper, "pixels": pixels})
    return DataFrame(rows, columns=["dearer", "cheaper", "pixels"])


def added_polynomial(setting: Setting, name: str, evaluation: Evaluation) -> Polynomial:
    """Raises InputError where the block's cost does not depend on H * W alone."""
    check_size(setting.model, setting.encoder, *setting.size)
    added = added_macs(setting, name, evaluation)
    if added is None:
        raise InputError(f"block {name!r}: its cost is no polynomial of the positions")
    return added
