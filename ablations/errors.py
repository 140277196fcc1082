"""Errors in a user's input; the command line prints them without a traceback."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from reprlib import Repr

LINE = 1000  # characters of a message
NAMES = 20  # known names in a message


class InputError(ValueError):
    """A user's input is wrong; the message says what is wrong and what is allowed."""


class UnwritableError(InputError):
    """The disk is full, or the folder is read-only: nothing more can be written there."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError on writing path into an UnwritableError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise UnwritableError(f"{path}: cannot be written ({reason})") from None


@contextmanager
def named_errors(what: str) -> Iterator[None]:
    """Turn any error, such as running out of memory, into one line that names what."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{what}: {first_line(error)}") from error


def first_line(error: BaseException, limit: int = LINE) -> str:
    """The class of an error, and the first line of its message if it has one."""
    try:
        message = (str(error).strip().splitlines() or [""])[0]
    except Exception:  # the __str__ of a user's error may fail
        message = ""
    return printable(f"{type(error).__name__}: {message}", limit).removesuffix(":")


def unknown_name(kind: str, name: object, choices: Iterable[str]) -> InputError:
    """The error for a name that is not among the choices; it suggests the nearest ones."""
    choices, text = list(choices), name[:100] if isinstance(name, str) else ""
    nearest = get_close_matches(text, choices, 1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    more = ""
    if len(choices) > NAMES:
        more = f", ... and {len(choices) - NAMES} more"
        choices = sorted(choices, key=lambda other: -likeness(text, other))[:NAMES]
    names = f" (known: {', '.join(choices)}{more})" if choices else ""
    return InputError(f"unknown {kind} {quoted(name)}{hint}{names}")


def likeness(text: str, other: str) -> float:
    return SequenceMatcher(None, text, other).ratio()


def quoted(value: object) -> str:
    """The repr of a value for a message, bounded whatever the value holds."""
    try:
        return SHORT.repr(value)
    except ValueError:  # a whole number of too many digits
        return f"<{type(value).__name__}>"


SHORT = Repr()
SHORT.maxlevel = 2
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = 100


def printable(text: str, limit: int = LINE) -> str:
    """One line without control characters: escapes are visible, a long middle is cut."""
    line = re.sub(r"\s*\n\s*", " ", text.strip())
    if len(line) > limit:
        half = limit // 2 - 20
        left_out = f" ... {len(line) - 2 * half:,} characters ... "
        line = line[:half] + left_out + line[-half:]
    return visible(line)


def visible(text: object) -> str:
    r"""Text without control characters: a line break becomes \n, ESC becomes \x1b."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in str(text))
