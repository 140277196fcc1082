"""The processes that load data end with the iteration, however it ends."""

import gc
import multiprocessing
import threading
import time
from multiprocessing.connection import Connection

import pytest
import torch
from torch.utils.data import Dataset, _utils

from ablations.errors import InputError
from lightning_modules.data.loader import Batch, Loader


class Images(Dataset[Batch]):
    """A number of images, one of which may be bad."""

    def __init__(self, count: int, bad: int | None = None) -> None:
        self.count, self.bad = count, bad

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Batch:
        if index == self.bad:
            raise InputError(f"image {index} is bad")
        return torch.zeros(3, 4, 4), torch.zeros(4, 4, dtype=torch.long)


def test_they_end_with_the_last_batch() -> None:
    assert len(list(Loader(Images(4), 2, num_workers=2))) == 2
    assert not multiprocessing.active_children()


def test_they_end_with_an_error() -> None:
    batches = iter(Loader(Images(8, bad=3), 2, num_workers=2))
    with pytest.raises(InputError, match=r"^image 3 is bad$"):
        list(batches)
    assert not multiprocessing.active_children()


def test_they_end_if_batches_are_left() -> None:
    assert next(iter(Loader(Images(8), 2, num_workers=2)))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("count", [2, 8])
def test_they_end_if_batches_become_garbage(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No pipe is closed twice, even if it was never used, and nothing waits in vain."""
    monkeypatch.setattr(_utils, "MP_STATUS_CHECK_INTERVAL", 30.0)  # seconds
    closed: list[Connection] = []
    close = Connection._close  # type: ignore[attr-defined]

    def slow_close(connection: Connection) -> None:
        closed.append(connection)
        time.sleep(0.1)  # so that nobody sees that another is about to close it
        close(connection)

    before = set(threading.enumerate())
    batches = iter(Loader(Images(count), 2, num_workers=2))
    next(batches)
    cycle = [batches]
    cycle.append(cycle)
    monkeypatch.setattr(Connection, "_close", slow_close)
    del batches, cycle
    start = time.monotonic()
    gc.collect()
    seconds = time.monotonic() - start
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert len({id(connection) for connection in closed}) == len(closed) > 0
    assert seconds < 30
    assert not multiprocessing.active_children()
