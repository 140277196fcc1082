"""Sweep files: W&B's format, read safely and checked before anything starts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ablations.errors import InputError, quoted, unknown_name
from ablations.import_path import check_import_path, is_library_block
from ablations.option_types import PLAIN_NAME
from ablations.run_config import RunConfig, flat
from ablations.wrappers import named_block
from ablations.yaml_file import read_yaml
from sweeps.study.command_check import check_command
from sweeps.study.grid import leaf_parameters, nest
from sweeps.study.study import Study

LONGEST = 100  # characters of a name
SWEEP_KEYS = {
    "name", "description", "project", "entity", "program", "command",
    "method", "metric", "parameters", "run_cap",
}  # fmt: skip

METRIC_KEYS = ["name", "goal", "target", "impute", "impute_while_running"]
GOALS = ["minimize", "maximize"]


def load_study(path: Path, count: int | None = None) -> Study:
    """Read a W&B sweep and check every cell of it.

    A random search needs a count. Raises InputError for a file that is not a sweep, for
    unknown keys, wrong types or values, and for a duplicate cell.
    """
    return parse_study(read_yaml(path), path, count)


def parse_study(content: object, path: Path, count: int | None = None) -> Study:
    """The study of a sweep's content; path, a file or a name, is its source in errors."""
    if not isinstance(content, dict) or "parameters" not in content:
        raise InputError(f"{path}: not a sweep file (a mapping with `parameters`)")
    try:
        return with_options(study_of(content, path, count))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def study_of(content: dict[str, Any], path: Path, count: int | None) -> Study:
    for key in content:
        if key not in SWEEP_KEYS:
            raise unknown_name("key", key, sorted(SWEEP_KEYS))
    text(content, "description")
    check_metric(content.get("metric", {"name": ""}))
    cap = run_cap_of(content)
    method = method_of(content, count or cap)
    if method == "grid" and count:
        raise InputError("--count is for random searches; this sweep is a grid")
    return Study(
        name=name_of(content, path),
        parameters=parameters_of(content),
        method=method,
        count=min(filter(None, (count, cap)), default=0),
        run_cap=cap,
        program=text(content, "program") or "",
        command=command_of(content),
        project=text(content, "project"),
        entity=text(content, "entity"),
    )


def with_options(study: Study) -> Study:
    """The study with the options of its command; InputError if it cannot be run."""
    keys = {key for cell in study.cells() for key in flat(cell)}
    options = check_command(study.command, study.program, study.name, keys)
    study = study.model_copy(update={"options": options})
    if study.method == "random" or study.run_cap:  # some values may be in no run
        for cell in single_values(study.parameters):
            study.config(cell)
    first: dict[RunConfig, int] = {}
    for number, run in enumerate(study.runs(), start=1):
        if first.setdefault(run.config, number) != number:
            raise InputError(f"cells {first[run.config]} and {number} are the same run")
    for name in {named_block(config.block) for config in first}:
        if ":" in name and not is_library_block(name):
            check_import_path(name)
    return study


def single_values(parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One cell for each value of each list of values."""
    for path, spec in leaf_parameters(parameters):
        for value in spec.get("values", ()):
            yield nest({path: value})


def text(content: dict[str, Any], key: str) -> str | None:
    value = content.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{key} = {quoted(value)} is not a string")
    return value


def check_metric(metric: object) -> None:
    """W&B would refuse a malformed metric; here nothing depends on it."""
    if not isinstance(metric, dict) or not isinstance(metric.get("name"), str):
        raise InputError(f"metric = {quoted(metric)} is not {{name: TEXT, goal: maximize}}")
    for key in metric:
        if key not in METRIC_KEYS:
            raise unknown_name("key of metric", key, METRIC_KEYS)
    if metric.get("goal", GOALS[0]) not in GOALS:
        raise unknown_name("goal of metric", metric["goal"], GOALS)


def parameters_of(content: dict[str, Any]) -> dict[str, Any]:
    parameters = content["parameters"]
    if not isinstance(parameters, dict) or not parameters:
        raise InputError(
            f"parameters = {quoted(parameters)} is not a mapping of parameters"
        )
    return parameters


def command_of(content: dict[str, Any]) -> tuple[str, ...]:
    command = content.get("command")
    if command is None:
        return ()
    if not isinstance(command, list):
        raise InputError(f"command = {quoted(command)} is not a list")
    for item in command:
        if not isinstance(item, str | int | float):
            raise InputError(f"command: {quoted(item)} is not a string or a number")
    return tuple(str(item) for item in command)


def name_of(content: dict[str, Any], path: Path) -> str:
    """The sweep's name, otherwise its file's; it becomes a folder, so it must be plain."""
    name = content.get("name", path.stem)
    if not isinstance(name, str) or not PLAIN_NAME.fullmatch(name) or len(name) > LONGEST:
        raise InputError(
            f"name = {quoted(name)} is not a plain name: at most {LONGEST} letters, "
            "digits, '_', '-' and '.'"
        )
    return name


def run_cap_of(content: dict[str, Any]) -> int | None:
    """At most this many runs are started, as by W&B: the first ones of the sweep."""
    cap = content.get("run_cap")
    if cap is not None and (type(cap) is not int or cap < 1):
        raise InputError(f"run_cap = {quoted(cap)} is not a positive whole number")
    return cap


def method_of(content: dict[str, Any], count: int | None) -> Any:
    method = content.get("method")
    if method not in ("grid", "random"):
        raise InputError(
            f"method = {quoted(method)} is not grid or random; "
            "other methods need `wandb sweep` and `wandb agent`"
        )
    if method == "random" and not count:
        raise InputError("a random search needs --count N or run_cap: N")
    return method
