"""Numbers as people read them: scaled and rounded, or a dash if missing."""

from math import inf
from typing import TYPE_CHECKING, Any

import pandas as pd

from ablations.blocks import label_of
from ablations.notation import split_outside
from reports.page import Show

if TYPE_CHECKING:  # importing it takes the memory of smp and timm
    from ablations.complexity.conventions import Convention


def either(show: Show) -> Show:
    """Show a missing number as a dash, and text in place of a number as it is."""

    def text(value: Any) -> str:
        if isinstance(value, str):
            return value
        return "–" if pd.isna(value) else show(value)

    return text


def scaled(factor: float, digits: int, sign: str = "") -> Show:
    return either(lambda value: f"{value / factor:{sign},.{digits}f}")


percent = scaled(0.01, 2)
points = scaled(0.01, 2, sign="+")
whole_percent = scaled(0.01, 1)
whole_share = either(lambda value: f"{100 * value:.1f} %")
share = either(lambda value: f"{100 * value:+.2f} %")
millions = scaled(1e6, 3)
added_millions = scaled(1e6, 3, sign="+")
count = either(lambda value: f"{value:,.0f}")
seconds = scaled(1, 1)
images = scaled(1, 1)  # per second
milliseconds = scaled(1e-3, 2)
ratio = either(lambda value: f"{value:.2f}")
signed_ratio = either(lambda value: f"{value:+.2f}")
times = either(lambda value: f"{value:.1f}x")
megabytes = scaled(1e6, 1)
significant = either(lambda value: f"{value:.1g}")
two_digits = either(lambda value: f"{value:.2g}")
three_digits = either(lambda value: f"{value:.3g}")
probability = three_digits
scientific = either(lambda value: f"{value:.6g}")


def up_to(most: int) -> Show:
    """A whole number; infinity as more than the most."""
    return either(lambda value: f"> {most:,}" if value == inf else f"{value:,.0f}")


def prefix(convention: "Convention") -> str:
    return "(M)" if convention.kilo == 1000 else "(1024²)"


def in_mega(convention: "Convention", sign: str = "") -> Show:
    return scaled(convention.kilo**2, 3, sign)


def in_giga(convention: "Convention") -> Show:
    return scaled(convention.kilo**3, 3)


def spoken(block: str) -> str:
    """A block's name in a list within a sentence, where a comma would end it.

    As in PSA (p) code; commas within brackets stay.
    """
    return " ".join(split_outside(label(block), ","))


def label(block: str) -> str:
    """A block's name in papers; the full name of a user's own block; a dash for none."""
    return label_of(block) if isinstance(block, str) else "–"
