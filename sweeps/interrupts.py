"""One Ctrl-C lets the runs in progress finish; a second one stops them."""

import signal
from types import FrameType
from typing import Self

from sweeps.display import Display


class Interrupts:
    """Within the `with` block, counts interrupts.

    A signal handler may run in the middle of a print, so interrupts are reported by
    announce(), which the loop that checks the count calls.
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
        """Report the interrupts since the last call and what they do."""
        while self.announced < self.times:
            self.announced += 1
            self.display.interrupted(self.announced)
