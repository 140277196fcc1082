"""Sweep files: W&B's format, read safely and checked before anything starts."""

import re
from pathlib import Path
from typing import Any

import yaml

from ablations.errors import InputError, unknown_name
from ablations.study import RunConfig, Study

SWEEP_KEYS = {
    "name", "description", "project", "entity", "program", "command",
    "method", "metric", "parameters", "run_cap",
}  # fmt: skip


def load_study(path: Path, count: int | None = None) -> Study:
    """Read a W&B sweep and check every cell of it.

    A random search needs a count. Raises InputError for a file that is not a sweep, for
    unknown keys, wrong types or values, and for a cell that is listed twice.
    """
    return parse_study(read_yaml(path), path, count)


def parse_study(sweep: object, path: Path, count: int | None = None) -> Study:
    """The study of a sweep that path, a file or a name, gave."""
    if not isinstance(sweep, dict) or not isinstance(sweep.get("parameters"), dict):
        raise InputError(f"{path}: not a sweep file (a mapping with `parameters`)")
    for key in sweep:
        if key not in SWEEP_KEYS:
            raise InputError(f"{path}: {unknown_name('key', key, sorted(SWEEP_KEYS))}")
    study = Study(
        name=study_name(path, sweep),
        parameters=sweep["parameters"],
        method=method_of(path, sweep, count),
        count=count or 0,
        command=tuple(str(part) for part in sweep.get("command") or ()),
    )
    first: dict[RunConfig, int] = {}
    try:
        for number, config in enumerate(study.runs(), start=1):
            if first.setdefault(config, number) != number:
                raise InputError(f"cells {first[config]} and {number} are the same run")
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return study


def study_name(path: Path, sweep: dict[str, Any]) -> str:
    """The sweep's name, else its file's; it names a folder, so it must be plain."""
    name = sweep.get("name", path.stem)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise InputError(f"{path}: name = {name!r}: a study is named in letters and digits")
    return name


def method_of(path: Path, sweep: dict[str, Any], count: int | None) -> Any:
    method = sweep.get("method")
    if method not in {"grid", "random"}:
        raise InputError(
            f"{path}: method is {method!r}; here grid and random can be run, "
            "others with `wandb sweep` and `wandb agent`"
        )
    if method == "random" and not count:
        raise InputError(f"{path}: a random search has no end; say how long with --count N")
    if method == "grid" and count:
        raise InputError(f"{path}: --count is for random searches, this is a grid")
    return method


class UniqueKeyLoader(yaml.SafeLoader):
    """Plain YAML; a key that is given twice is an error, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"line {line}: key {', '.join(twice)} is given twice")
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> object:
    """The content of a YAML or JSON file, loaded safely."""
    try:
        return yaml.load(path.read_text(), UniqueKeyLoader)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML ({error})") from None
