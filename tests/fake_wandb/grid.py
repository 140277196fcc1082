"""The cells of a grid, without the suite's own code, so that each tests the other."""

import itertools
import json
from collections.abc import Mapping
from typing import Any

Parameters = Mapping[str, Mapping[str, Any]]


def cells(parameters: Parameters) -> list[dict[str, Any]]:
    """Every combination, sorted by name at each level of nesting, the last name fastest."""
    names = sorted(parameters)
    choices = [choices_of(name, parameters[name]) for name in names]
    return [dict(zip(names, cell, strict=True)) for cell in itertools.product(*choices)]


def choices_of(name: str, spec: Mapping[str, Any]) -> list[Any]:
    """The values of one parameter, each once."""
    if "parameters" in spec:
        return list(cells(spec["parameters"]))
    if "value" in spec:
        return [spec["value"]]
    if "values" in spec:
        return list({as_text(value): value for value in spec["values"]}.values())
    raise ValueError(f"parameter {name}: the stand-in knows value and values only")


def as_text(value: Any) -> str:
    return json.dumps(on_the_wire(value), sort_keys=True)


def on_the_wire(value: Any) -> Any:
    """W&B's backend does not tell 10.0 from 10 (wandb/wandb#3555)."""
    if isinstance(value, Mapping):
        return {key: on_the_wire(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [on_the_wire(entry) for entry in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
