"""The notation of a named part with options: `se(ratio=4)`, `my_file:MyBlock(groups=8)`.

A block, placement, model, encoder or data set is written as its name, and in parentheses
what it is built with: options as `name=literal`, before them the part that it is built
around if it takes one, as in `matched_params(se(ratio=4))`. Nothing is evaluated. Options
are sorted, so that a part has one spelling.
"""

import ast
import keyword
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ablations.errors import InputError, quoted

LONGEST = 1000  # characters of a part
DEEPEST = 20  # brackets within brackets
NOT_IN_NAMES = re.compile(r"[()\[\]{},='\"]")
BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
YAML_WORDS = {"true": "True", "false": "False", "null": "None", "none": "None"}


class Part(NamedTuple):
    """A named part; its text is its one spelling."""

    name: str
    inner: "Part | None"  # the part that it is built around
    options: dict[str, Any]

    def __str__(self) -> str:
        options = [f"{name}={self.options[name]!r}" for name in sorted(self.options)]
        arguments = [*([str(self.inner)] if self.inner else []), *options]
        return f"{self.name}({', '.join(arguments)})" if arguments else self.name


QUOTE = "in a YAML list, quote a part that has several options"


def parse_part(text: str) -> Part:
    """Read a part; InputError says what is wrong with its notation."""
    if len(text) > LONGEST:
        raise InputError(f"is longer than {LONGEST:,} characters")
    name, bracket, rest = text.strip().partition("(")
    if NOT_IN_NAMES.search(name):
        raise InputError(f"{quoted(name)} is not a name; {QUOTE}")
    if not bracket:
        return Part(name, None, {})
    if not name.strip():
        raise InputError("has no name before '('")
    if not rest.endswith(")"):
        raise InputError(f"does not end with ')'; {QUOTE}")
    arguments = split_outside(rest[:-1], ",")
    if not arguments[-1]:  # no arguments, or a comma after the last
        arguments.pop()
    return with_arguments(name.strip(), arguments)


def file_name(text: str) -> str:
    """A text as a plain part of a file's name: no separators, dots or brackets."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)


def with_arguments(name: str, arguments: list[str]) -> Part:
    inner: Part | None = None
    options: dict[str, Any] = {}
    for number, argument in enumerate(arguments):
        key, value = halves(argument)
        if value is None:
            if number or not argument:
                raise InputError(f"{quoted(argument)} is not an option, such as ratio=4")
            inner = parse_part(argument)
        elif key in options:
            raise InputError(f"option {key} is given twice")
        else:
            options[key] = literal(key, value)
    return Part(name, inner, options)


def halves(argument: str) -> tuple[str, str | None]:
    """The name and the text of an option's value; a part to build around has no value."""
    key, sign, value = argument.partition("=")
    if not sign or "(" in key:
        return argument, None
    key = key.strip()
    if not key.isidentifier() or keyword.iskeyword(key):
        raise InputError(f"{quoted(key)} is not the name of an option")
    return key, value.strip()


def literal(key: str, text: str) -> Any:
    """A number, a text, True, False, None, or a list or dict of these."""
    try:
        return plain(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        hint = YAML_WORDS.get(text.lower(), "")
        advice = f"; write {hint}" if hint else ""
        if text.isidentifier() and not hint:
            advice = f"; write {key}={text!r} if it is a text"
        raise InputError(
            f"{key} = {quoted(text)} is not a literal, such as 4, 0.5, 'text', True or "
            f"[64, 32]{advice}"
        ) from None


def plain(value: Any) -> Any:
    """A literal with lists for tuples; ValueError if it holds anything but plain values."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain_key(key): plain(item) for key, item in sorted(value.items())}
    finite = not isinstance(value, float) or math.isfinite(value)
    if value is None or (isinstance(value, bool | int | float | str) and finite):
        return value
    raise ValueError(value)


def plain_key(key: object) -> str:
    if not isinstance(key, str):
        raise ValueError(key)
    return key


def split_outside(text: str, separator: str) -> list[str]:
    """The stripped pieces between separators that are outside brackets and quotes."""
    pieces = [""]
    for character, outside in outsides(text):
        if outside and character == separator:
            pieces.append("")
        else:
            pieces[-1] += character
    return [piece.strip() for piece in pieces]


def outsides(text: str) -> Iterator[tuple[str, bool]]:
    """Each character, and whether it is outside all brackets and quotes."""
    depth, quote, escaped = 0, "", False
    for character in text:
        yield character, not depth and not quote
        if quote:
            if character == quote and not escaped:
                quote = ""
            escaped = character == "\\" and not escaped
        elif character in "'\"":
            quote = character
        else:
            depth += BRACKETS.get(character, 0)
        if depth > DEEPEST:
            raise InputError(f"is nested more than {DEEPEST} levels deep")
    if depth or quote:
        raise InputError("has an unmatched bracket or quote")
