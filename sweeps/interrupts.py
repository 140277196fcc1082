"""Ctrl-C once lets running cells finish, twice stops them."""

import signal
from types import FrameType
from typing import Self

from sweeps.display import Display


class Interrupts:
    """Counts interrupts, and tells, while it is entered."""

    def __init__(self, display: Display) -> None:
        self.display = display
        self.times = 0

    def __enter__(self) -> Self:
        self.before = signal.signal(signal.SIGINT, self.count)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGINT, self.before)

    def count(self, number: int, frame: FrameType | None) -> None:
        self.times += 1
        self.display.interrupted(self.times)
