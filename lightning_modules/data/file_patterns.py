"""Where images lie in a folder: patterns such as images/{name}.jpg, and what they find."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

NAME, SPLIT = "{name}", "{split}"

Patterns = tuple[str, ...]


def read_patterns(value: object) -> Patterns:
    """One pattern or several; ValueError for one that does not name files in the folder."""
    patterns = value if isinstance(value, list) else [value]
    if not patterns:
        raise ValueError("there is no pattern; write for example images/{name}.jpg")
    for pattern in patterns:
        check_pattern(pattern)
    return tuple(patterns)


def check_pattern(pattern: object) -> None:
    if not isinstance(pattern, str) or pattern.count(NAME) != 1:
        raise ValueError("a pattern contains {name} once, as in images/{name}.jpg")
    rest = pattern.replace(NAME, "").replace(SPLIT, "", 1)
    if "{" in rest or "}" in rest:
        raise ValueError("a pattern contains {name}, and {split} at most once")
    if not is_inside(pattern):
        raise ValueError(
            "a pattern leads to files in the folder, so without / at its start or .."
        )


def is_inside(path: str) -> bool:
    """Whether a relative path does not lead out of its folder."""
    ways = PurePosixPath(path), PureWindowsPath(path)
    return not any(way.anchor or ".." in way.parts for way in ways)


def in_folder(pattern: str, folder: str) -> str:
    """The pattern of a split's own folder."""
    if SPLIT in pattern:
        return pattern.replace(SPLIT, folder)
    return pattern.replace(NAME, f"{folder}/{NAME}")


def file_at(root: Path, pattern: str, name: str) -> Path:
    return root / pattern.replace(NAME, name)


def find(root: Path, patterns: Patterns) -> dict[str, list[Path]]:
    """The files of each name, in the order of names; hidden files are left out.

    The end of a pattern is compared without regard to case, so that .JPG is .jpg.
    """
    found: dict[str, list[Path]] = {}
    for folder in dict.fromkeys(
        pattern.partition(NAME)[0].rpartition("/")[0] for pattern in patterns
    ):
        for path in files_in(root / folder):
            for name in names_of(path.relative_to(root).as_posix(), patterns):
                if path not in (files := found.setdefault(name, [])):
                    files.append(path)
    return {name: sorted(found[name]) for name in sorted(found)}


def files_in(folder: Path) -> Iterator[Path]:
    """All visible files below a folder; none if there is no folder."""
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(path) / name for name in names if not name.startswith("."))


def names_of(path: str, patterns: Patterns) -> Iterator[str]:
    """What {name} is in each pattern that a path matches."""
    for pattern in patterns:
        before, _, after = map(re.escape, pattern.partition(NAME))
        if match := re.fullmatch(f"{before}(.+)(?i:{after})", path):
            yield match[1]
