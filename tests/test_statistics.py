"""Tests and sizes of effects of few pairs, against formulas that are spelled out."""

import itertools
from math import gamma, isnan, nan, sqrt

import pytest
from scipy import stats

from reports.statistics import (
    MAX_EXACT,
    effect_size,
    holm,
    interval,
    least_sign_flip_p,
    sign_flip_p,
)

GAINS = [0.3, 0.1, -0.2, 0.4, 0.25, -0.05, 0.15]


def test_a_missing_score_is_no_difference() -> None:
    assert isnan(sign_flip_p([0.1, nan, 0.2]))
    assert isnan(sign_flip_p([]))
    assert isnan(effect_size([0.1, nan, 0.2]))


@pytest.mark.parametrize("pairs", range(1, 9))
def test_the_smallest_p_is_that_of_equal_signs(pairs: int) -> None:
    assert sign_flip_p(range(1, pairs + 1)) == least_sign_flip_p(pairs)


def test_no_pairs_decide_nothing() -> None:
    assert least_sign_flip_p(0) == 1
    assert least_sign_flip_p(MAX_EXACT + 1) == 0  # a t-test, which has no such limit


def test_beyond_the_exact_test_p_is_that_of_a_t_test() -> None:
    values = [*GAINS, *(gain / 3 for gain in GAINS), 0.02, 0.5, -0.4]
    mean, error = sum(values) / 17, stats.sem(values)
    assert len(values) == MAX_EXACT + 1
    assert sign_flip_p(values) == pytest.approx(2 * stats.t.sf(mean / error, 16))
    assert sign_flip_p([0.1] * 17) == 0
    assert sign_flip_p([0.0] * 17) == 1


def test_differences_of_zero_have_no_direction() -> None:
    assert sign_flip_p([0.0, 0.0, 0.0]) == 1
    assert sign_flip_p([0.0, 0.2, 0.3]) == 0.5  # as with two pairs


def test_the_effect_size_is_corrected_for_few_pairs() -> None:
    count = len(GAINS)
    mean = sum(GAINS) / count
    deviation = sqrt(sum((gain - mean) ** 2 for gain in GAINS) / (count - 1))
    half = (count - 1) / 2
    factor = gamma(half) / (sqrt(half) * gamma(half - 0.5))
    assert effect_size(GAINS) == pytest.approx(factor * mean / deviation)
    assert factor == pytest.approx(1 - 3 / (4 * (count - 1) - 1), abs=2e-3)  # Hedges'


@pytest.mark.parametrize("gains", [[], [0.1], [0.1, 0.3], [0.1, 0.1, 0.1], [0.0] * 4])
def test_without_a_spread_there_is_no_effect_size(gains: list[float]) -> None:
    assert isnan(effect_size(gains))


@pytest.mark.parametrize("count", [2, 5, 7])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_is_students_at_any_level(count: int, level: float) -> None:
    values = GAINS[:count]
    expected = stats.t.interval(level, count - 1, sum(values) / count, stats.sem(values))
    assert interval(values, level) == pytest.approx(expected)


@pytest.mark.parametrize("values", [*itertools.permutations([0.01, 0.02, 0.03])])
def test_holms_adjustment_keeps_the_order_of_its_input(values: tuple[float, ...]) -> None:
    by_value = {0.01: 0.03, 0.02: 0.04, 0.03: 0.04}
    assert holm(values) == pytest.approx([by_value[value] for value in values])


def test_what_was_not_tested_is_no_member_of_the_family() -> None:
    assert holm([0.01, nan, 0.04]) == pytest.approx([0.02, nan, 0.04], nan_ok=True)
