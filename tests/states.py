"""Tests wait for states, never for seconds: a loaded machine is slow, and right."""

import time
from collections.abc import Callable

PATIENCE = 1200.0  # seconds until a state that does not come is a failure


def wait_until(state: Callable[[], object], look: Callable[[], None] | None = None) -> None:
    """Until state() is true; look() is called meanwhile, else time passes."""
    deadline = time.monotonic() + PATIENCE
    while not state():
        assert time.monotonic() < deadline, "the state did not come"
        if look:
            look()
        else:
            time.sleep(0.05)
