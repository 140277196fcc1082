"""Settings are the unit of a summary, whatever the number of their seeds."""

from math import isnan, sqrt

import numpy as np
import pytest
from scipy import stats

from reports.several_settings import gathered, summary

GAINS = [[0.010, 0.030], [0.020, 0.022, 0.027], [-0.010], [0.04, 0.03, 0.02, 0.05]]


def test_every_setting_has_the_same_weight() -> None:
    one = summary(GAINS)
    assert one.means == pytest.approx([0.02, 0.023, -0.01, 0.035])
    assert one.gain == pytest.approx(0.068 / 4)
    expected = stats.t.interval(0.95, 3, 0.068 / 4, stats.sem([0.02, 0.023, -0.01, 0.035]))
    assert (one.low, one.high) == pytest.approx(expected)
    assert one.won == 3


def test_the_sign_of_whole_settings_is_flipped() -> None:
    # |+-20 +-23 +-10 +-35| >= 68 of 16: all but the 10 positive (88, 68), and mirrored
    assert summary(GAINS).p == 4 / 16


def test_the_spread_of_seeds_is_taken_from_that_of_settings() -> None:
    one = summary(GAINS)
    squares = sum(sum((g - np.mean(gains)) ** 2 for g in gains) for gains in GAINS)
    within = squares / (1 + 2 + 0 + 3)
    between = np.var(one.means, ddof=1) - within * (1 / 2 + 1 / 3 + 1 + 1 / 4) / 4
    assert one.within == pytest.approx(sqrt(within))
    assert one.between == pytest.approx(sqrt(between))


def test_settings_that_agree_better_than_seeds_have_no_spread_of_their_own() -> None:
    assert summary([[0.0, 0.02], [0.02, 0.0], [0.01, 0.01]]).between == 0


def test_one_seed_each_has_no_spread_to_take_apart() -> None:
    one = summary([[0.01], [0.03]])
    assert isnan(one.within)
    assert isnan(one.between)
    assert isnan(summary([[0.01, 0.02]]).between)


def test_a_block_is_summarised_where_it_has_run() -> None:
    settings = [{"se": [0.1], "gc": [0.2]}, {"gc": [0.3]}]
    assert gathered(settings) == {"se": [[0.1]], "gc": [[0.2], [0.3]]}
