"""How large a gain must be, or how many seeds are needed, for a test to show it.

Both plan: they take the spread of the seeds that were run for the true one, and the second
takes their gain for the true one too. A gain that was found by luck needs more seeds than
it says.
"""

from collections.abc import Sequence
from functools import cache
from math import inf, nan, sqrt

import numpy as np
from scipy import special

from reports.statistics import is_constant, least_sign_flip_p, sign_flip_p

LEVEL = 0.05  # below which an adjusted p is called a difference
POWER = 0.8  # the chance that the test shows a gain of that size
MOST = 1000  # seeds; beyond, a number of seeds is infinite


@cache
def shown_effect(pairs: int, tests: int = 1) -> float:
    """The true mean difference, in standard deviations, that a paired t-test would show.

    Two-sided, with the chance POWER, at LEVEL over the number of tests, as in the first
    step of Holm's method. From the noncentral t distribution, in which differences are
    normal; the other tail is neglected, whose chance is below 1e-3. NaN for one pair.
    """
    if pairs < 2:
        return nan
    freedom = pairs - 1
    threshold = special.stdtrit(freedom, 1 - LEVEL / tests / 2)
    return float(special.nctdtrinc(freedom, 1 - POWER, threshold)) / sqrt(pairs)


def detectable(differences: Sequence[float]) -> float:
    """The smallest true gain that so many seeds show with the chance POWER.

    Shown means that the 95 % t interval, uncorrected for other blocks, excludes zero. NaN
    for fewer than two pairs, and for differences that are all equal.
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 2 or is_constant(values):
        return nan
    return float(shown_effect(len(values)) * values.std(ddof=1))


def least_pairs(tests: int = 1) -> int:
    """The fewest seeds with which the sign-flip test can be below LEVEL over tests.

    6 for one test, 7 for two; after Holm's correction, one of so many blocks at least.
    """
    return next(
        pairs
        for pairs in range(1, MOST)
        if min(1.0, tests * least_sign_flip_p(pairs)) < LEVEL
    )


def seeds_needed(differences: Sequence[float], tests: int = 1) -> float:
    """About how many seeds would decide a gain that is truly as large as the measured one.

    Decided means: among so many tests, with the chance POWER by the t-test, and never
    fewer than least_pairs, nor as few as have not decided it. Infinity if MOST are too few;
    NaN where detectable is NaN.
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 2 or is_constant(values) or np.isnan(values).any():
        return nan
    effect = abs(values.mean()) / values.std(ddof=1)
    least, most = least_pairs(tests), MOST
    if tests * sign_flip_p(differences) >= LEVEL:
        least = max(least, len(values) + 1)
    if shown_effect(most, tests) > effect:
        return inf
    while least < most:
        middle = (least + most) // 2
        enough = shown_effect(middle, tests) <= effect
        least, most = (least, middle) if enough else (middle + 1, most)
    return float(least)
