"""Whether the command of a sweep file can work, and the options it sets for every cell."""

import argparse
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import dropwhile
from pathlib import Path
from shutil import which
from typing import Any, NoReturn

from ablations.errors import InputError, quoted, unknown_name
from ablations.model_options import flag
from lightning_modules.verbs.train import SINGLE, add_options
from sweeps.study.command import (
    ARGUMENTS,
    DEFAULT,
    JSON_FILE,
    MACRO,
    MACROS,
    is_own,
    is_python,
    own_flags,
    search_path,
    with_variables,
)

VALUES = {f"${{{name}}}" for name in ARGUMENTS}  # macros that pass on a cell


class FlagParser(argparse.ArgumentParser):
    """Reads the flags of a command; a wrong one is an InputError."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"command: {message}")


def check_command(
    command: Sequence[str], program: str, study_name: str, swept_keys: Collection[str]
) -> dict[str, Any]:
    """The flags of `ablate train` in a command, by name; empty for another program.

    Raises InputError for a command that cannot work under W&B's agent, and for a flag that
    would override a value of the sweep.
    """
    flags = own_flags(command, program)
    if flags is None:
        check_macros(command or DEFAULT)
        check_program(command or DEFAULT, program)
        options, names = {}, flag_names(command)
    else:
        check_macros(flags)
        options = own_options(flags, study_name) if command else {}
        names = list(options)
    for name in names:
        if name in swept_keys:
            raise InputError(
                f"command: {flag(name)} would override the sweep's parameter {name}; "
                "remove one of them"
            )
    return options


def check_macros(items: Sequence[str]) -> None:
    """Macros must be known and separate items, and one must pass on the cell's values."""
    for item in items:
        for name in MACRO.findall(item):
            if name.startswith("envvar:"):
                continue
            if name not in MACROS:
                raise InputError(f"command: {unknown_name('macro', name, MACROS)}")
            if item != f"${{{name}}}":
                raise InputError(
                    f"command: {quoted(item)}: a macro must be a separate item"
                )
    if not VALUES & set(items):
        raise InputError(
            "command: no macro passes on the values of a cell "
            f"(known: {', '.join(ARGUMENTS)})"
        )


def check_program(items: Sequence[str], program: str) -> None:
    if "${program}" in items and not program:
        raise InputError("command: ${program} stands for `program`, which is missing")
    first = next(iter(words_to_start(items, program)), "")
    if first in VALUES:
        raise InputError(
            f"command: it starts with {first}, the values of a cell; "
            "put the program before them"
        )
    if is_own(program) and "${program}" in items:
        raise InputError(
            f"command: {program} needs the verb train: [..., ${{program}}, train, --study, "
            f"NAME, --config, {JSON_FILE}]"
        )


def words_to_start(items: Sequence[str], program: str) -> list[str]:
    """The words from the program on, without `env` and the variables it sets."""
    words = [program if item == "${program}" else with_variables(item) for item in items]
    if words and words[0] in {"${env}", "/usr/bin/env", "env"}:
        words = list(dropwhile(re.compile(r"\w+=").match, words[1:]))
    return words


def check_start(command: Sequence[str], program: str) -> None:
    """InputError for another program's command whose first words cannot be started here."""
    if own_flags(command, program) is not None:
        return
    items = command or DEFAULT
    first, *words = words_to_start(items, program)
    if not first.startswith(("-", "${")) and which(first, path=search_path()) is None:
        raise InputError(f"command: {quoted(first)} cannot be started: no such program")
    program_file = program if "${program}" in items and "-m" not in items else ""
    script = words[0] if is_python(first) and words else "-"
    for file in (program_file, "" if script.startswith(("-", "${")) else script):
        if file and not is_file(file):
            raise InputError(f"command: {quoted(file)} cannot be started: no such file")


def is_file(name: str) -> bool:
    with suppress(OSError, ValueError):  # the name is too long or not valid
        return Path(name).is_file()
    return False


def own_options(flags: Sequence[str], study_name: str) -> dict[str, Any]:
    """The flags of this suite's own training, by name, except --config and --study."""
    parser = FlagParser(add_help=False, allow_abbrev=False)
    add_options(parser)
    options = vars(parser.parse_args([with_variables(flag) for flag in flags]))
    if options.pop("config", None) != Path(JSON_FILE):
        raise InputError(f"command: pass the values as --config, {JSON_FILE}")
    if (name := options.pop("study", SINGLE)) != study_name:
        raise InputError(f"command: --study {name} is not the sweep's name, {study_name}")
    return options


def flag_names(command: Sequence[str]) -> list[str]:
    """--image-size 64 and --image_size=64 are both image_size."""
    flags = [item[2:] for item in command if item.startswith("--")]
    return [flag.partition("=")[0].replace("-", "_") for flag in flags]
