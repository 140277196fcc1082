"""Atomic writing: a file is written whole or not at all, whatever happens."""

import os
import tempfile
from pathlib import Path

from ablations.errors import writing


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write to a partial file, flush, rename. Raises UnwritableError."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def check_writable(folder: Path) -> None:
    """Raises UnwritableError if no file can be written in a folder."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")


def remove_partials(path: Path) -> None:
    """Remove what killed processes left of path; no process may be writing it now."""
    for partial in path.parent.glob(f"{path.name}.*.partial"):
        partial.unlink(missing_ok=True)
