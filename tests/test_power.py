"""Planned numbers of seeds agree with published tables and with integration."""

from math import inf, isnan, nan, sqrt

import numpy as np
import pytest
from scipy import stats

from reports.power import detectable, least_pairs, seeds_needed, shown_effect


def power(effect: float, pairs: int, level: float) -> float:
    """The chance that a two-sided paired t-test is below the level.

    By integration over the variance that the pairs happen to have.
    """
    freedom = pairs - 1
    threshold, shift = stats.t.isf(level / 2, freedom), effect * sqrt(pairs)
    shares = (np.arange(20_000) + 0.5) / 20_000  # equally likely variances
    deviations = np.sqrt(stats.chi2.ppf(shares, freedom) / freedom)
    upper = stats.norm.sf(threshold * deviations - shift)
    lower = stats.norm.cdf(-threshold * deviations - shift)
    return float(np.mean(upper + lower))


@pytest.mark.parametrize("tests", [1, 3, 20])
@pytest.mark.parametrize("pairs", [3, 5, 10, 77])
def test_the_effect_that_is_shown_has_a_power_of_80_percent(pairs: int, tests: int) -> None:
    found = power(shown_effect(pairs, tests), pairs, 0.05 / tests)
    assert found == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(
    ("effect", "pairs"),
    [(0.5, 34), (0.8, 15), (1.0, 10)],  # of G*Power, for a paired t-test at 5 %
)
def test_seeds_are_as_many_as_tables_say(effect: float, pairs: int) -> None:
    gains = [effect - 1, effect, effect + 1]  # their standard deviation is 1
    assert seeds_needed(gains) == pairs


def test_more_tests_need_more_seeds() -> None:
    gains = [0.010, 0.012, -0.003, 0.008]
    numbers = [seeds_needed(gains, tests) for tests in (1, 2, 10)]
    assert numbers == sorted({*numbers})


def test_seeds_are_never_fewer_than_the_exact_test_needs() -> None:
    gains = [1.0, 1.0001, 0.9999]
    assert [least_pairs(tests) for tests in (1, 2, 20)] == [6, 7, 10]  # 2 / 2^n x tests
    assert [seeds_needed(gains, tests) for tests in (1, 2, 20)] == [6, 7, 10]


def test_seeds_that_did_not_decide_are_not_enough() -> None:
    gains = [0.010, 0.012, 0.014, -0.0005, 0.011, 0.013, 0.008]
    assert seeds_needed(gains, 1) == 6  # 7 have decided it
    assert seeds_needed(gains, 2) == 8


def test_a_gain_near_zero_would_take_any_number_of_seeds() -> None:
    assert seeds_needed([1.0, -1.0, 0.001]) == inf


@pytest.mark.parametrize("gains", [[], [0.1], [0.1, 0.1], [0.0, 0.0], [0.1, nan]])
def test_without_a_spread_nothing_can_be_planned(gains: list[float]) -> None:
    assert isnan(seeds_needed(gains))
    assert isnan(detectable(gains))


def test_what_can_be_detected_is_in_the_unit_of_gains() -> None:
    gains = [0.01, 0.03, 0.02, 0.05, 0.01]
    deviation = stats.tstd(gains)
    assert power(detectable(gains) / deviation, 5, 0.05) == pytest.approx(0.8, abs=1e-3)
    assert detectable([10 * gain for gain in gains]) == pytest.approx(
        10 * detectable(gains)
    )
