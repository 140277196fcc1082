"""The estimate of the time left uses only the runs of this session."""

import pytest

from ablations.run_config import RunConfig
from sweeps.pace import Pace

FIRST, SECOND = RunConfig(), RunConfig(seed=1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_is_said_before_something_is_known(clock: Clock) -> None:
    pace = Pace(clock)
    assert pace.seconds_left(6) is None
    pace.begins(FIRST)
    clock.now = 10
    pace.progress(FIRST, 0.1)
    assert pace.seconds_left(6) is None  # preparing took 10 s: this says nothing about pace


def test_a_resumed_sweep_is_estimated_from_its_first_running_cell(clock: Clock) -> None:
    """Six runs are left, each with 10 s of preparation and 20 s of training."""
    pace = Pace(clock)
    pace.begins(FIRST)
    for clock.now, fraction in [(11, 0.05), (12, 0.1)]:
        pace.progress(FIRST, fraction)
    assert pace.seconds_left(6) == pytest.approx((6 - 0.1) * 30)


def test_finished_runs_decide_and_failed_or_resumed_elsewhere_do_not(clock: Clock) -> None:
    pace = Pace(clock)
    for config in (FIRST, SECOND):
        pace.begins(config)
    clock.now = 2
    pace.ends(SECOND, timed=False)
    clock.now = 40
    pace.ends(FIRST, timed=True)
    pace.ends(FIRST, timed=True)  # a second end changes nothing
    assert pace.seconds_left(3) == pytest.approx(120)
    pace.begins(FIRST)
    pace.begins(SECOND)
    assert pace.seconds_left(3) == pytest.approx(60)  # two at a time
