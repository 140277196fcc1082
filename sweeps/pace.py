"""How long a sweep will still take, by what this session has seen of its runs."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ablations.run_config import RunConfig


@dataclass
class Course:
    """How far a running cell is: when it began, at its first word and at its last one."""

    begun: float
    first: tuple[float, float] | None = None  # time, fraction done
    last: tuple[float, float] = (0.0, 0.0)

    def seconds(self) -> float | None:
        """Of the whole run, if it keeps its pace; None before its second word."""
        if self.first is None or self.last[1] <= self.first[1]:
            return None
        passed, done = self.last[0] - self.first[0], self.last[1] - self.first[1]
        return self.first[0] - self.begun + passed / done * (1 - self.first[1])


class Pace:
    """Seconds per run: of those that finished here, or else of those that are running."""

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
            self.finished.append(self.clock() - course.begun)

    def fractions(self) -> Mapping[RunConfig, float]:
        """Done of each running cell."""
        return {config: course.last[1] for config, course in self.running.items()}

    def seconds_left(self, runs: int) -> float | None:
        """Until so many runs have ended, the running ones included; None: not known yet."""
        estimates = [course.seconds() for course in self.running.values()]
        seen = self.finished or [seconds for seconds in estimates if seconds is not None]
        if not seen:
            return None
        work = runs - sum(self.fractions().values())
        return work * sum(seen) / len(seen) / max(1, len(self.running))
