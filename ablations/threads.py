"""The number of threads that torch uses, changed for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def on_threads(threads: int) -> Iterator[None]:
    """Counting is fastest on one thread: in small operations, more wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
