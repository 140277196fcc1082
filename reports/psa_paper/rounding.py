"""Whether an exact number prints as the digits of a cell."""

import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction


def number(printed: str) -> Decimal:
    """The number in a cell such as 17.1G, with the decimals that are printed."""
    return Decimal(re.sub(r"[^\d.]", "", printed))


def rounded(value: Fraction, digits: int = 3) -> str:
    return str(decimal(value, Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def rounds_to(value: Fraction, printed: str) -> bool:
    target = number(printed)
    return decimal(value, target, ROUND_HALF_UP) == target


def is_cut_to(value: Fraction, printed: str) -> bool:
    """Whether value prints so if further digits are dropped instead of rounded."""
    target = number(printed)
    return decimal(value, target, ROUND_DOWN) == target


def rounds_to_fewer(value: Fraction, printed: str) -> bool:
    """Whether value prints so with one digit fewer and a zero appended: 7.10 for 7.1."""
    target = number(printed)
    return str(target).endswith("0") and rounds_to(value, str(target)[:-1])


def decimal(value: Fraction, like: Decimal, rounding: str) -> Decimal:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(like, rounding)


def bounds(printed: str) -> tuple[Fraction, Fraction]:
    """The range of numbers that round to the printed one; the upper end is excluded."""
    middle = number(printed)
    half = Fraction(Decimal(5).scaleb(int(middle.as_tuple().exponent) - 1))
    return Fraction(middle) - half, Fraction(middle) + half
