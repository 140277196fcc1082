"""A DataLoader whose worker processes report bad data in one line."""

import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from ablations.errors import InputError

Batch = tuple[Tensor, Tensor]  # images (B, 3, H, W), labels (B, H, W)


class Loader(DataLoader[Batch]):
    """Yields batches. An InputError in a worker process keeps its message.

    The processes end with the iteration, even if it fails or is abandoned half-way.
    """

    seconds = 0.0  # in which batches were waited for, over all iterations

    def __iter__(self) -> Any:  # torch names a private type
        source = super().__iter__()
        if not isinstance(source, _MultiProcessingDataLoaderIter):
            return self.timed(own_errors(source))
        # If the garbage collector ends torch's iterator, it collects the queues, too. If a
        # queue is first used at that time, its pipe is closed twice, by the queue's thread
        # and by the collector, and by then its descriptor may be another file's. A queue in
        # use is closed before its process is told to end, which costs seconds. So the
        # iterator stays referenced until its processes have ended.
        end = source._shutdown_workers
        batches = ending(self.timed(own_errors(source)), end)
        weakref.finalize(batches, end).atexit = False  # at exit, torch and Python end them
        return batches

    def timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        while True:
            start = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self.seconds += time.perf_counter() - start
            yield batch


def ending(batches: Iterator[Batch], end: Callable[[], None]) -> Iterator[Batch]:
    try:
        yield from batches
    finally:
        end()


def own_errors(batches: Iterator[Batch]) -> Iterator[Batch]:
    """torch puts a whole traceback into the error; the message is its last line."""
    try:
        yield from batches
    except InputError as error:
        message = str(error).rpartition(f"{InputError.__name__}: ")[2]
        raise InputError(message.strip()) from None
