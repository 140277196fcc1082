"""What few seeds can say: exact tests, intervals and sizes of effects, and nothing more."""

import itertools
from collections.abc import Sequence
from functools import cache
from math import exp, lgamma, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

MAX_EXACT = 16  # the most pairs for which every sign flip is evaluated: 65,536 of them
ROUNDING = 1e-9  # relative: sums in another order differ by it


def sign_flip_p(differences: Sequence[float]) -> float:
    """Exact two-sided p of a mean paired difference, under the flip of any pair's sign.

    It assumes that differences are symmetric about zero where there is no effect, and of
    no other shape. NaN for none, or if one is NaN; beyond MAX_EXACT pairs a t-test is used
    instead.
    """
    values = np.asarray(differences, dtype=float)
    if len(values) == 0 or np.isnan(values).any():
        return nan
    if len(values) > MAX_EXACT:
        return t_test_p(values)
    sums = np.abs(half_of_all_flips(len(values)) @ values)
    return float(np.mean(sums >= abs(values.sum()) * (1 - ROUNDING)))


@cache
def half_of_all_flips(pairs: int) -> NDArray[np.float64]:
    """(2^(pairs - 1), pairs): those that keep the first sign; the others mirror them."""
    rest = itertools.product([1.0, -1.0], repeat=pairs - 1)
    return np.array([(1.0, *signs) for signs in rest])


def t_test_p(values: NDArray[np.float64]) -> float:
    """Two-sided; 1 if all are zero, and 0 if all are equal but not zero."""
    if is_constant(values):
        return float(not values.any())
    return float(stats.ttest_1samp(values, 0).pvalue)


def least_sign_flip_p(pairs: int) -> float:
    """The smallest p that so many pairs allow: 0.25 for 3, 0.0625 for 5, 1 for none."""
    return min(1.0, 2 / 2**pairs) if pairs <= MAX_EXACT else 0.0


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Student's t interval of the mean; NaN for fewer than two values.

    Not a percentile bootstrap, whose 95 % interval covers only 73 % with three values.
    """
    if len(values) < 2:
        return nan, nan
    mean, error = np.mean(values), np.std(values, ddof=1) / sqrt(len(values))
    half = special.stdtrit(len(values) - 1, (1 + level) / 2) * error
    return float(mean - half), float(mean + half)


def holm(values: Sequence[float]) -> list[float]:
    """The p of a family of tests, adjusted by Holm's method, in the same order.

    Scandinavian Journal of Statistics 6, 1979. Those below a level may be called
    differences together: the chance that any of them is none is at most the level. NaN is
    no test, and stays NaN.
    """
    tested = [number for number, value in enumerate(values) if value == value]
    adjusted, largest = [nan] * len(values), 0.0
    for place, number in enumerate(sorted(tested, key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(tested) - place) * values[number]))
        adjusted[number] = largest
    return adjusted


def effect_size(differences: Sequence[float]) -> float:
    """Hedges' g_z: the mean paired difference over the standard deviation of differences.

    Corrected for few pairs by the exact factor of Hedges (Journal of Educational
    Statistics 6, 1981). NaN for fewer than three pairs, for which there is no correction,
    and for differences that are all equal.
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 3 or is_constant(values):
        return nan
    half = (len(values) - 1) / 2
    correction = exp(lgamma(half) - lgamma(half - 0.5)) / sqrt(half)
    return float(correction * values.mean() / values.std(ddof=1))


def is_constant(values: NDArray[np.float64]) -> bool:
    """Whether all values are equal but for rounding; False if one is NaN."""
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())
