"""Counts of operations as polynomials of the number of positions, in exact fractions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Polynomial:
    """constant + linear * N + quadratic * N**2, for N = H * W positions."""

    constant: Fraction = Fraction(0)
    linear: Fraction = Fraction(0)
    quadratic: Fraction = Fraction(0)

    def __add__(self, other: "Polynomial") -> "Polynomial":
        return Polynomial(
            self.constant + other.constant,
            self.linear + other.linear,
            self.quadratic + other.quadratic,
        )

    def __sub__(self, other: "Polynomial") -> "Polynomial":
        return self + Polynomial(-other.constant, -other.linear, -other.quadratic)

    def value(self, positions: int) -> Fraction:
        return self.constant + positions * (self.linear + positions * self.quadratic)

    def at(self, positions: int) -> int:
        """Raises ValueError if the value is not a whole number, and so not a count."""
        value = self.value(positions)
        if value.denominator != 1:
            raise ValueError(f"{self} is not a whole number at {positions} positions")
        return value.numerator

    def per_pixel(self, share: Fraction) -> "Polynomial":
        """The same count as a polynomial in M pixels, where N = share * M."""
        return Polynomial(self.constant, self.linear * share, self.quadratic * share**2)

    def rises_at(self, positions: float) -> bool:
        return float(self.linear) + 2 * positions * float(self.quadratic) > 0

    def sign_changes(self) -> list[float]:
        """The positive N at which the value changes sign, in ascending order."""
        if not self.quadratic:
            roots = [float(-self.constant / self.linear)] if self.linear else []
        else:
            middle = -self.linear / (2 * self.quadratic)
            square = middle**2 - self.constant / self.quadratic
            spread = math.sqrt(square) if square > 0 else math.nan
            roots = sorted([float(middle) - spread, float(middle) + spread])
        return [root for root in roots if root > 0]


def fit(counts: Mapping[int, int]) -> Polynomial:
    """The polynomial through three counts; the keys are numbers of positions."""
    return Polynomial(*interpolate(counts))


def extrapolate(values: Mapping[tuple[int, int], int], size: tuple[int, int]) -> Fraction:
    """The value at a size, from those on a grid of sizes (height, width).

    The polynomial of both sides has in each the degree that the grid determines.
    """
    height, width = size
    rows: dict[int, dict[int, int]] = {}
    for (h, w), value in values.items():
        rows.setdefault(h, {})[w] = value
    column = {h: evaluate(interpolate(row), width) for h, row in rows.items()}
    return evaluate(interpolate(column), height)


def interpolate(points: Mapping[int, int] | Mapping[int, Fraction]) -> list[Fraction]:
    """Coefficients of the polynomial through the points, the constant first."""
    coefficients = [Fraction(0)] * len(points)
    vanishing = [Fraction(1)]  # at the places so far
    for place, value in points.items():
        slope = (value - evaluate(coefficients, place)) / evaluate(vanishing, place)
        for power, factor in enumerate(vanishing):
            coefficients[power] += slope * factor
        shifted, scaled = [Fraction(0), *vanishing], [place * c for c in vanishing]
        vanishing = [a - b for a, b in zip(shifted, [*scaled, Fraction(0)], strict=True)]
    return coefficients


def evaluate(coefficients: Sequence[Fraction], place: int) -> Fraction:
    return sum((c * place**power for power, c in enumerate(coefficients)), Fraction(0))
