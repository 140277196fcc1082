"""A run belongs to the process that holds its lock."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ablations.errors import writing


class BusyError(RuntimeError):
    """Another process is working on this run."""


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Hold a lock in a run's folder; the system releases it when the process dies."""
    folder, lock = path.parent, FileLock(path)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise BusyError(f"{folder}: another process is working on this run") from None
    try:
        yield
    finally:
        lock.release()
