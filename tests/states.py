"""Tests wait for states, never for a fixed time: a busy machine is slow but not wrong."""

import time
from collections.abc import Callable

PATIENCE = 1200.0  # seconds before a state that is not reached counts as a failure


def wait_until(state: Callable[[], object], look: Callable[[], None] | None = None) -> None:
    """Wait until state() is true, and call look() or sleep in between."""
    deadline = time.monotonic() + PATIENCE
    while not state():
        assert time.monotonic() < deadline, "the state was not reached"
        if look:
            look()
        else:
            time.sleep(0.05)
