"""What few seeds can say: exact tests and intervals, and nothing more."""

import itertools
from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy import stats

MAX_EXACT = 16  # the most pairs for which every sign flip is evaluated: 65,536 of them


def sign_flip_p(differences: Sequence[float]) -> float:
    """Exact two-sided p of a mean paired difference, under the flip of any pair's sign.

    With n pairs it cannot be below 2 / 2**n: 0.25 at n = 3, 0.0625 at n = 5. NaN for none;
    beyond MAX_EXACT pairs a t-test is used instead.
    """
    values = np.asarray(differences, dtype=float)
    if len(values) == 0:
        return float("nan")
    if len(values) > MAX_EXACT:
        return float(stats.ttest_1samp(values, 0).pvalue)
    signs = np.array(list(itertools.product([1, -1], repeat=len(values))))
    means = np.abs(signs @ values)
    # Sums in another order differ by rounding; such flips count as equally extreme.
    return float(np.mean(means >= abs(values.sum()) * (1 - 1e-9)))


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Student's t interval of the mean; NaN for fewer than two values.

    Not a percentile bootstrap, whose 95 % interval covers only 73 % with three values.
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    mean, error = np.mean(values), np.std(values, ddof=1) / sqrt(len(values))
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * error
    return float(mean - half), float(mean + half)
