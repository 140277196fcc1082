"""The time left for a sweep, estimated from the runs of this session."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ablations.run_config import RunConfig


@dataclass
class Course:
    """The progress of a run: its start, its first message and its last one."""

    start: float
    first: tuple[float, float] | None = None  # time, fraction done
    last: tuple[float, float] = (0.0, 0.0)

    def seconds(self) -> float | None:
        """How long the whole run takes at this pace; None before its second message."""
        if self.first is None or self.last[1] <= self.first[1]:
            return None
        duration, share = self.last[0] - self.first[0], self.last[1] - self.first[1]
        return self.first[0] - self.start + duration / share * (1 - self.first[1])


class Pace:
    """Seconds per run: from those that finished here, else from those that are running."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.running: dict[RunConfig, Course] = {}
        self.finished: list[float] = []  # seconds of each run that finished

    def begins(self, config: RunConfig) -> None:
        self.running[config] = Course(self.clock())

    def progress(self, config: RunConfig, fraction: float) -> None:
        course = self.running[config]
        course.last = self.clock(), fraction
        course.first = course.first or course.last

    def ends(self, config: RunConfig, timed: bool) -> None:
        course = self.running.pop(config, None)
        if course and timed:
            self.finished.append(self.clock() - course.start)

    def fractions(self) -> Mapping[RunConfig, float]:
        """The completed fraction of each run in progress."""
        return {config: course.last[1] for config, course in self.running.items()}

    def seconds_left(self, runs: int) -> float | None:
        """How long until this many runs have ended; None if that is not known yet."""
        estimates = [course.seconds() for course in self.running.values()]
        durations = self.finished or [
            estimate for estimate in estimates if estimate is not None
        ]
        if not durations:
            return None
        work = runs - sum(self.fractions().values())
        return work * sum(durations) / len(durations) / max(1, len(self.running))
