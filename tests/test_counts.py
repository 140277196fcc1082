"""Tests and intervals of counts are exact: every number here is derived by hand."""

import itertools
from math import comb

import pytest

from reports.counts import Solved, exact_interval, fisher_p, least_p, together
from reports.statistics import holm

SHAPES = [(2, 3), (5, 4), (3, 9), (6, 6), (1, 7)]


def tables(runs: int, others: int) -> list[tuple[Solved, Solved]]:
    every = itertools.product(range(runs + 1), range(others + 1))
    return [(Solved(one, runs), Solved(other, others)) for one, other in every]


def slow_fisher(one: Solved, other: Solved) -> float:
    """The chance of every table with the same margins that is no likelier."""
    total = one.solved + other.solved
    ways = [
        comb(one.runs, k) * comb(other.runs, total - k) for k in range(total + 1)
    ]  # comb is 0 beyond the runs
    return sum(w for w in ways if w <= ways[one.solved]) / comb(
        one.runs + other.runs, total
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_fishers_test_counts_the_tables_that_are_no_likelier(
    shape: tuple[int, int],
) -> None:
    for pair in tables(*shape):
        assert fisher_p(*pair) == pytest.approx(slow_fisher(*pair), rel=1e-9)


def test_fishers_test_of_six_against_six() -> None:
    none = Solved(0, 6)
    assert fisher_p(Solved(6, 6), none) == pytest.approx(2 / 924)  # 12 over 6
    assert fisher_p(Solved(4, 6), none) == pytest.approx(2 * 15 / 495)
    assert fisher_p(none, none) == pytest.approx(1)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_table_has_a_smaller_p_than_the_least(shape: tuple[int, int]) -> None:
    smallest = min(slow_fisher(*pair) for pair in tables(*shape))
    assert least_p(Solved(0, shape[0]), Solved(0, shape[1])) == pytest.approx(smallest)


def test_the_interval_of_none_and_of_all_has_a_closed_form() -> None:
    of_none = 0, 1 - 0.025 ** (1 / 6)  # 0 to 46 %
    assert exact_interval(Solved(0, 6)) == pytest.approx(of_none)
    assert exact_interval(Solved(5, 5)) == pytest.approx((0.025 ** (1 / 5), 1))


@pytest.mark.parametrize(("solved", "runs"), [(1, 3), (4, 6), (2, 7)])
def test_at_the_ends_of_the_interval_the_count_is_just_too_extreme(
    solved: int, runs: int
) -> None:
    low, high = exact_interval(Solved(solved, runs))

    def chance(p: float, counts: range) -> float:
        return sum(comb(runs, k) * p**k * (1 - p) ** (runs - k) for k in counts)

    assert chance(low, range(solved, runs + 1)) == pytest.approx(0.025)
    assert chance(high, range(solved + 1)) == pytest.approx(0.025)


def test_holms_adjustment_by_hand() -> None:
    # ascending: 4 x 0.005, 3 x 0.01, 2 x 0.03, and 1 x 0.04, which may not be smaller
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []


def test_counts_add_up() -> None:
    assert together([Solved(1, 3), Solved(4, 5)]) == Solved(5, 8)
