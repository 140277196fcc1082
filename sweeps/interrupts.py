"""Ctrl-C once lets the runs in progress finish, twice stops them."""

import signal
from types import FrameType
from typing import Self

from sweeps.display import Display


class Interrupts:
    """Counts interrupts while it is entered.

    A handler may come in the middle of a print, so what is said of an interrupt is said
    by announce(), from the loop that looks at the count.
    """

    def __init__(self, display: Display) -> None:
        self.display = display
        self.times = self.announced = 0

    def __enter__(self) -> Self:
        self.before = signal.signal(signal.SIGINT, self.count)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGINT, self.before)
        self.announce()

    def count(self, number: int, frame: FrameType | None) -> None:
        self.times += 1

    def announce(self) -> None:
        """Say what follows from the interrupts that came since the last look."""
        while self.announced < self.times:
            self.announced += 1
            self.display.interrupted(self.announced)
