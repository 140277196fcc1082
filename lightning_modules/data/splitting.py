"""Splitting names into parts: a function of the names, the seed and the groups alone.

Groups of names are put in an order that their hashes decide, and each part is a piece of
this order. So shares are kept to a group, and adding images moves only those that are near
the border of a piece.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ablations.errors import InputError


def read_group(value: object) -> object:
    """A regular expression; ValueError if it is none."""
    try:
        if isinstance(value, str):
            re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error})") from None
    return value


def places(
    names: Sequence[str], seed: int, group: str | None, file: Path
) -> dict[str, float]:
    """For each name a number in (0, 1), equal within a group: the middle of its piece.

    group is a regular expression that matches the whole name. Names are together if they
    agree in its first brackets, or in all of the match without brackets.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[group_of(name, group, file)].append(name)
    found: dict[str, float] = {}
    before = 0
    for key in sorted(groups, key=lambda key: (digest(f"{seed} {key}"), key)):
        middle = (before + len(groups[key]) / 2) / len(names)
        found |= dict.fromkeys(groups[key], middle)
        before += len(groups[key])
    return {name: found[name] for name in names}


def group_of(name: str, group: str | None, file: Path) -> str:
    if group is None:
        return name
    match = re.fullmatch(group, name)
    if match is None:
        raise InputError(
            f"{file}: splits.group = {group!r} does not match the name {name!r}"
        )
    return match[1] or "" if match.re.groups else match[0]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
