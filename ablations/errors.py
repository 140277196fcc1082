"""Mistakes in what a user gave; the command line prints them without a traceback."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path


class InputError(ValueError):
    """Something given from outside is wrong; the message says what and what is allowed."""


class UnwritableError(InputError):
    """The disk is full, or the folder is read-only: nothing more can be kept there."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system says of a file that cannot be written becomes one clear error."""
    try:
        yield
    except OSError as error:
        raise UnwritableError(f"{path}: cannot be written ({error.strerror})") from None


def unknown_name(kind: str, name: object, known: Iterable[str]) -> InputError:
    """The error for a name that is not among the known ones, with the nearest of them."""
    known = list(known)
    nearest = get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return InputError(f"unknown {kind} {name!r}{hint} (known: {', '.join(known)})")
