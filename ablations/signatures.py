"""The options of blocks, models and data sets, read from source files.

Importing them takes seconds. A test compares them with the signatures.
"""

import ast
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

from ablations.catalogue import SMP, architectures, folder_of, registry, source

DATA_FOLDER = "data_folder"  # an argument of a data set that is not an option

Options = dict[str, str]  # names and defaults, as written in Python


def block_options() -> dict[str, Options]:
    """The options of each block, by its key."""
    file = folder_of("ablations") / "attention/__init__.py"
    entries = registry(source("ablations", "attention/__init__.py"), "BLOCKS")
    return {
        key: options(file, cast(ast.Call, value).args[0], {"channels"})
        for key, value in entries
    }


def model_options() -> dict[str, Options]:
    """The options of each model, by its key: smp's, then those of papers."""
    given = {
        key for key, _ in registry(source("ablations", "encoders.py"), "SET_ELSEWHERE")
    }
    smp = folder_of(SMP) / "__init__.py"
    papers = folder_of("ablations") / "paper_models/__init__.py"
    own = registry(source("ablations", "paper_models/__init__.py"), "PAPER_MODELS")
    of_smp = {key: options(smp, value, given) for key, value in architectures().items()}
    return of_smp | {key: options(papers, value, given) for key, value in own}


def dataset_options() -> dict[str, Options]:
    """The options of each data set, by its key."""
    entries = registry(source("lightning_modules", "data/__init__.py"), "DATASETS")
    found = {}
    for key, value in entries:
        module, _, function = ast.unparse(value).partition(".")
        file = folder_of("lightning_modules") / f"data/{module}.py"
        found[key] = options(file, ast.Name(function), {DATA_FOLDER})
    return found


# By the option that takes them.
OPTIONS = {"block": block_options, "model": model_options, "dataset": dataset_options}


def options(file: Path, value: ast.expr, given: Collection[str]) -> Options:
    """The options of what a file names, such as a class or a partial of one."""
    if isinstance(value, ast.Call):
        fixed = {word.arg: ast.unparse(word.value) for word in value.keywords if word.arg}
        known = options(file, value.args[0], given)
        return {name: fixed.get(name, default) for name, default in known.items()}
    found = arguments(file, ast.unparse(value))
    return {name: default for name, default in found.items() if name not in given}


def arguments(file: Path, name: str) -> Options:
    """The arguments of a class or function that a file defines or imports."""
    tree = ast.parse(file.read_text("utf-8"))
    for part in tree.body:
        if isinstance(part, ast.FunctionDef) and part.name == name:
            return with_defaults(part.args)
        if isinstance(part, ast.ClassDef) and part.name == name:
            return constructor(file, part)
        if isinstance(part, ast.ImportFrom) and name in {a.name for a in part.names}:
            return arguments(imported(file, part), name)
    return {}


def constructor(file: Path, definition: ast.ClassDef) -> Options:
    """The arguments of a class: its own, or those of the class that it extends."""
    for part in definition.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            _, *others = with_defaults(part.args).items()
            return dict(others)
    return arguments(file, ast.unparse(definition.bases[0])) if definition.bases else {}


def imported(file: Path, statement: ast.ImportFrom) -> Path:
    """The file of a module from which another of its package imports."""
    names = (statement.module or "").split(".")
    if statement.level:
        module = file.parents[statement.level - 1].joinpath(*names)
    else:
        module = folder_of(names[0]).joinpath(*names[1:])
    return module / "__init__.py" if module.is_dir() else module.with_suffix(".py")


def with_defaults(found: ast.arguments) -> Options:
    """Names and defaults; the default is empty where there is none."""
    names = [argument.arg for argument in found.posonlyargs + found.args]
    defaults = ["" for _ in names] + [ast.unparse(value) for value in found.defaults]
    values = dict(zip(names, defaults[len(found.defaults) :], strict=True))
    only = zip(found.kwonlyargs, found.kw_defaults, strict=True)
    return values | {word.arg: ast.unparse(value) if value else "" for word, value in only}


def spelled(names: Mapping[str, str]) -> str:
    """As in ratio=16, heads=1."""
    return ", ".join(f"{name}={value}" if value else name for name, value in names.items())
