"""Mistakes in what a user gave; the command line prints them without a traceback."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from reprlib import Repr

LINE = 1000  # characters of a message
NAMES = 20  # known names in a message


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
        reason = error.strerror or error
        raise UnwritableError(f"{path}: cannot be written ({reason})") from None


def first_line(error: BaseException, limit: int = LINE) -> str:
    """The class of an error, and the first line of its words if it has any."""
    try:
        words = (str(error).strip().splitlines() or [""])[0]
    except Exception:  # a user's error may not even say what it is
        words = ""
    return printable(f"{type(error).__name__}: {words}", limit).removesuffix(":")


def unknown_name(kind: str, name: object, known: Iterable[str]) -> InputError:
    """The error for a name that is not among the known ones, with the nearest of them."""
    known, text = list(known), name[:100] if isinstance(name, str) else ""
    nearest = get_close_matches(text, known, 1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    more = ""
    if len(known) > NAMES:
        more = f", ... and {len(known) - NAMES} more"
        known = sorted(known, key=lambda other: -likeness(text, other))[:NAMES]
    names = f" (known: {', '.join(known)}{more})" if known else ""
    return InputError(f"unknown {kind} {quoted(name)}{hint}{names}")


def likeness(text: str, other: str) -> float:
    return SequenceMatcher(None, text, other).ratio()


def quoted(value: object) -> str:
    """A value in a message: its repr, shortened and bounded whatever it holds."""
    try:
        return SHORT.repr(value)
    except ValueError:  # a whole number of too many digits
        return f"<{type(value).__name__}>"


SHORT = Repr()
SHORT.maxlevel = 2
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = 100


def printable(text: str, limit: int = LINE) -> str:
    """One line that does nothing to a terminal: escapes are visible, the middle is cut."""
    line = re.sub(r"\s*\n\s*", " ", text.strip())
    if len(line) > limit:
        half = limit // 2 - 20
        left_out = f" ... {len(line) - 2 * half:,} characters ... "
        line = line[:half] + left_out + line[-half:]
    return "".join(sign if sign.isprintable() else escape(sign) for sign in line)


def escape(sign: str) -> str:
    r"""ESC is \x1b, and the override of the direction of writing is \u202e."""
    return ascii(sign)[1:-1]
