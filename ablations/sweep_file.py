"""Sweep files: W&B's format, read safely and checked before anything starts."""

import re
from pathlib import Path
from typing import Any

from ablations.command_check import check_command
from ablations.errors import InputError, unknown_name
from ablations.study import RunConfig, Study, flat
from ablations.yaml_file import read_yaml

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
        program=text(path, sweep, "program") or "",
        command=command_of(path, sweep),
        project=text(path, sweep, "project"),
        entity=text(path, sweep, "entity"),
    )
    try:
        return checked(study)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def checked(study: Study) -> Study:
    """The study with what its command decides; InputError for one that cannot be run."""
    swept = {key for cell in study.cells() for key in flat(cell)}
    options = check_command(study.command, study.program, study.name, swept)
    study = study.model_copy(update={"options": options})
    first: dict[RunConfig, int] = {}
    for number, config in enumerate(study.runs(), start=1):
        if first.setdefault(config, number) != number:
            raise InputError(f"cells {first[config]} and {number} are the same run")
    return study


def text(path: Path, sweep: dict[str, Any], key: str) -> str | None:
    value = sweep.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{path}: {key} = {value!r} is no text")
    return value


def command_of(path: Path, sweep: dict[str, Any]) -> tuple[str, ...]:
    command = sweep.get("command") or []
    if not isinstance(command, list):
        raise InputError(f"{path}: command = {command!r} is no list")
    return tuple(str(item) for item in command)


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
