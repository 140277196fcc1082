"""Does an exact number print as those digits?"""

import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction


def number(printed: str) -> Decimal:
    """The number in a cell such as 17.1G, with as many decimals as are printed."""
    return Decimal(re.sub(r"[^\d.]", "", printed))


def shown(figure: Fraction, digits: int = 3) -> str:
    return str(decimal(figure, Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def rounds_to(figure: Fraction, printed: str) -> bool:
    wanted = number(printed)
    return decimal(figure, wanted, ROUND_HALF_UP) == wanted


def is_cut_to(figure: Fraction, printed: str) -> bool:
    """With further digits left out, not rounded."""
    wanted = number(printed)
    return decimal(figure, wanted, ROUND_DOWN) == wanted


def rounds_to_fewer(figure: Fraction, printed: str) -> bool:
    """With a zero written behind a figure of one digit less, as 7.10 for 7.1."""
    wanted = number(printed)
    return str(wanted).endswith("0") and rounds_to(figure, str(wanted)[:-1])


def decimal(figure: Fraction, like: Decimal, rounding: str) -> Decimal:
    exact = Decimal(figure.numerator) / Decimal(figure.denominator)
    return exact.quantize(like, rounding)


def bounds(printed: str) -> tuple[Fraction, Fraction]:
    """Between which numbers it was rounded; the upper one is not included."""
    value = number(printed)
    half = Fraction(Decimal(5).scaleb(int(value.as_tuple().exponent) - 1))
    return Fraction(value) - half, Fraction(value) + half
