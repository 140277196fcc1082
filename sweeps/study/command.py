"""The `program` and `command` of a sweep file, expanded as W&B's agent expands them.

An item that is only `${macro}` becomes the words the macro stands for. A macro inside an
item stays text, except `${envvar:NAME}`, which becomes the variable's value, else its name.
https://docs.wandb.ai/guides/sweeps/define-sweep-configuration
"""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

DEFAULT = ("${env}", "${interpreter}", "${program}", "${args}")
JSON_FILE = "${args_json_file}"
MACRO = re.compile(r"\$\{([^}]*)\}")
VARIABLE = re.compile(r"\$\{envvar:([A-Z0-9_]*)\}")
ARGUMENTS = [
    "args", "args_no_boolean_flags", "args_no_hyphens", "args_no_equals", "args_json",
    "args_json_file", "args_append_hydra", "args_override_hydra",
]  # fmt: skip
MACROS = ["env", "interpreter", "program", *ARGUMENTS]


def expand(
    command: Sequence[str], program: str, cell: Mapping[str, Any], json_file: str
) -> list[str]:
    """The words that start the run of a cell; json_file holds its values."""
    macros = {
        "env": ["/usr/bin/env"],
        "interpreter": ["python"],
        "program": [program],
        "args_json_file": [json_file],
    } | arguments(as_sent(cell))
    words: list[str] = []
    for item in command or DEFAULT:
        item = with_variables(item)
        macro = MACRO.fullmatch(item)
        words += macros.get(macro[1], []) if macro else [item]
    return words


def with_variables(item: str) -> str:
    return VARIABLE.sub(lambda match: os.environ.get(match[1], match[1]), item)


def arguments(cell: Mapping[str, Any]) -> dict[str, list[str]]:
    """The values of a cell in each form that a command can use."""
    pairs = [f"{name}={value}" for name, value in cell.items()]
    return {
        "args": [f"--{pair}" for pair in pairs],
        "args_no_boolean_flags": [
            f"--{name}" if value is True else f"--{name}={value}"
            for name, value in cell.items()
            if value is not False
        ],
        "args_no_hyphens": pairs,
        "args_no_equals": [
            word for name, value in cell.items() for word in (f"--{name}", str(value))
        ],
        "args_json": [json.dumps(cell)],
        "args_append_hydra": [f"+{pair}" for pair in pairs],
        "args_override_hydra": [f"++{pair}" for pair in pairs],
    }


def as_sent(value: Any) -> Any:
    """A value as it arrives from W&B's server, which does not distinguish 10.0 from 10."""
    if isinstance(value, Mapping):
        return {key: as_sent(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [as_sent(entry) for entry in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def own_flags(command: Sequence[str], program: str) -> list[str] | None:
    """The words after `ablate train`; None for a command that starts something else.

    With neither a command nor a program, this suite's own training is meant.
    """
    words = [program if item == "${program}" else item for item in command]
    if not words:
        return None if program else ["--config", JSON_FILE]
    if words[0] in {"${env}", "/usr/bin/env"}:
        words = words[1:]
    match words:
        case ["ablate", "train", *flags]:
            return flags
        case [python, "-m", "ablations", "train", *flags] if is_python(python):
            return flags
        case [python, file, "train", *flags] if is_python(python) and is_own(file):
            return flags
    return None


def search_path() -> str:
    """Where a command is looked up; `python` is the one that runs this process."""
    beside = PurePath(sys.executable).parent
    return f"{beside}{os.pathsep}{os.environ.get('PATH', '')}"


def is_python(word: str) -> bool:
    return word == "${interpreter}" or PurePath(word).name.startswith("python")


def is_own(program: str) -> bool:
    """Whether a program is this suite's."""
    return PurePath(program).parts[-2:] == ("ablations", "__main__.py")
