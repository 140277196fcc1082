"""A DataLoader whose processes report what is wrong with the data in one line."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from ablations.errors import InputError

Batch = tuple[Tensor, Tensor]  # images (B, 3, H, W), labels (B, H, W)


class Loader(DataLoader[Batch]):
    """Batches. An InputError in a process that loads them keeps its message.

    The processes end with the iteration, also with one that fails or is left half-way.
    """

    def __iter__(self) -> Any:  # torch names a private type
        source = super().__iter__()
        if not isinstance(source, _MultiProcessingDataLoaderIter):
            return own_errors(source)
        # If the garbage collector ends torch's iterator, its queues are garbage with it.
        # The pipe of one that is first used then is closed twice, by the queue's thread and
        # by the collector; by the second time its number may be another file's. A queue in
        # use is closed before its process is told to end: that costs seconds. So the
        # iterator is kept from being garbage until its processes have ended.
        end = source._shutdown_workers
        batches = ending(own_errors(source), end)
        weakref.finalize(batches, end).atexit = False  # torch and Python see to that
        return batches


def ending(batches: Iterator[Batch], end: Callable[[], None]) -> Iterator[Batch]:
    try:
        yield from batches
    finally:
        end()


def own_errors(batches: Iterator[Batch]) -> Iterator[Batch]:
    """torch puts a whole traceback into the error; its last line holds the message."""
    try:
        yield from batches
    except InputError as error:
        message = str(error).rpartition(f"{InputError.__name__}: ")[2]
        raise InputError(message.strip()) from None
