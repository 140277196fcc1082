"""How options parse their values: each error says what is wrong and what is allowed."""

import argparse
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ablations.errors import InputError, quoted
from ablations.spelling import one_spelling


class Each(argparse.Action):
    """Like the action `append`, but without duplicates."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        before = getattr(namespace, self.dest, None) or []
        setattr(namespace, self.dest, list(dict.fromkeys([*before, values])))


@dataclass(frozen=True)
class Reading:
    """How the command line parses a field whose type alone does not say so."""

    read: Callable[[str], Any]
    metavar: str | None = None  # None: the field's name
    repeatable: bool = False

    def details(self) -> dict[str, Any]:
        """The arguments of add_argument that it decides."""
        action = {"action": Each} if self.repeatable else {}
        return {"type": self.read, "metavar": self.metavar} | action


def part(kind: str) -> Callable[[str], str]:
    """A block, model or encoder with options, in its one spelling."""

    def read(text: str) -> str:
        try:
            return one_spelling(kind, text)
        except InputError as error:
            raise argparse.ArgumentTypeError(f"{quoted(text)} {error}") from None

    return read


def positive(text: str) -> int:
    with contextlib.suppress(ValueError):
        if (number := int(text)) > 0:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")


def up_to(largest: int, what: str) -> Callable[[str], int]:
    """A positive whole number up to largest; what names its unit in the error."""

    def read(text: str) -> int:
        if (number := positive(text)) > largest:
            raise argparse.ArgumentTypeError(f"{text!r} is more than {largest:,} {what}")
        return number

    return read


LARGEST_SIDE = 2**20  # pixels


def two_or_more(text: str) -> int:
    if (number := positive(text)) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 2 or more")
    return number


def size(text: str) -> tuple[int, int]:
    """512x1024 is height times width; 512 is a square."""
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, such as 512x1024")
    height, _, width = text.partition("x")
    return bounded(int(height)), bounded(int(width or height))


def bounded(side: int) -> int:
    if side > LARGEST_SIDE:
        raise argparse.ArgumentTypeError(f"a side of {side} is more than {LARGEST_SIDE:,}")
    return side


def shape(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*){3}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not BxCxHxW, such as 1x512x64x64")
    return tuple(bounded(int(side)) for side in text.split("x"))


def count(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def amount(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (number := float(text)) < 1e6:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")


def job_minutes(text: str) -> int:
    if (number := positive(text)) < 5:  # Slurm may send its warning 150 s before the end
        raise argparse.ArgumentTypeError(f"{text!r} is less than 5 minutes")
    return number


def pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    if not (key and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as mem=16G")
    return key, value


def gpu_names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of GPUs, such as 0,1")
    return names


PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # safe as a file or folder


def plain_name(text: str) -> str:
    if not PLAIN_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a plain name: letters, digits and . _ -"
        )
    return text
