"""A time limit for a user's code, such as an import or a block that never ends."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ablations.errors import InputError


class TooLongError(InputError):
    """Something was stopped after its time limit."""


@contextmanager
def at_most(seconds: float, what: str) -> Iterator[None]:
    """TooLongError after that time. Of nested limits, the earliest one holds.

    Only the main thread can be interrupted; in other threads there is no limit.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLongError(f"{what} took more than {seconds:g} s; does it ever end?")

    outer, _ = signal.getitimer(signal.ITIMER_REAL)
    other_thread = threading.current_thread() is not threading.main_thread()
    if other_thread or 0 < outer <= seconds:
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(outer - (seconds - left), 1e-3))
