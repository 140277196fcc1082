"""The output of a run goes to a file; the end of the file explains a failure."""

import contextlib
import faulthandler
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ablations.errors import writing
from ablations.records import LOG_CHARACTERS, tail


@contextlib.contextmanager
def log_into(path: Path) -> Iterator[None]:
    """Append the output of this process to a file, including a crash in C code."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        log = path.open("a")
    before = os.dup(1), os.dup(2)
    with log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        faulthandler.enable(log)
        try:
            yield
        finally:
            with contextlib.suppress(OSError, ValueError):  # a full disk; closed by the run
                sys.stdout.flush()
                sys.stderr.flush()
            faulthandler.disable()
            for number, descriptor in enumerate(before, start=1):
                os.dup2(descriptor, number)
                os.close(descriptor)


def log_end(path: Path) -> str:
    """The last lines of a log; empty if there is none."""
    try:
        with path.open("rb") as log:
            return end_of(log)
    except OSError:
        return ""


def end_of(log: BinaryIO) -> str:
    """The last lines of an open log."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - LOG_CHARACTERS))
    return tail(log.read().decode(errors="replace"))


def last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "").strip()
