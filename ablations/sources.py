"""The source of what a user names by import path, such as a block my_file:MyBlock.

It decides the result of a run, so its digest is part of the run's identity: the digest of
the named module's file and of the user's own files that this one imports. Nothing is
executed to find them; what a file imports under a computed name is not seen.
"""

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ablations.errors import InputError

NAMED = ("block", "dataset")  # keys of a configuration whose value may be an import path
SUITE = [
    Path(__file__).parents[1] / name
    for name in ("ablations", "lightning_modules", "reports", "sweeps")
]
STANDARD = Path(sysconfig.get_path("stdlib"))

Stamp = tuple[int, int]  # of a file: when it was changed, in ns, and its size
Search = tuple[str, ...]  # folders, as in sys.path

known: dict[tuple[str, Search], tuple[dict[Path, Stamp], str]] = {}
used: dict[str, str] = {}  # the source of what this process has imported


def source_of(values: Mapping[str, Any]) -> str:
    """`block=DIGEST` for a block of the user's own; empty for keys of the registries."""
    digests = {key: digest(module_of(path)) for key, path in import_paths(values).items()}
    return ",".join(f"{key}={found}" for key, found in digests.items() if found)


def check_source(values: Mapping[str, Any], name: str) -> None:
    """InputError if the source that values state is not what is there now."""
    stated, present = values["source"], source_of(values)
    named = ", ".join(import_paths(values).values())
    if stated and not named:
        raise InputError(f"{name}: source = {stated!r}: only a user's own block has one")
    if stated != present:
        now = present or "not found"
        raise InputError(
            f"{name}: source = {stated!r}: {named} has changed, its source is now {now!r}"
        )


def check_imported(values: Mapping[str, Any]) -> None:
    """InputError if this process imported another version than the present one."""
    check_source(values, "configuration")
    for path in import_paths(values).values():
        present = digest(module_of(path))
        if used.setdefault(path, present) != present:
            raise InputError(
                f"{path} was changed after this process imported it; start a new process"
            )


def import_paths(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: values[key] for key in NAMED if is_import_path(values.get(key))}


def is_import_path(value: object) -> bool:
    """my_package.my_file:MyBlock"""
    if not isinstance(value, str) or value.count(":") != 1:
        return False
    return all(part.isidentifier() for part in value.replace(":", ".").split("."))


def module_of(path: str) -> str:
    return path.partition(":")[0]


def digest(module: str) -> str:
    """Of a module's files, wherever they lie; empty if there is no such module."""
    here = str(Path.cwd())  # where find_block looks too
    search = tuple(sys.path if here in sys.path else [*sys.path, here])
    stamps, whole = known.get((module, search), ({}, ""))
    if not stamps or any(stamp(file) != old for file, old in stamps.items()):
        files = user_files(module, search)
        lines = [f"{name} {read(file, stamp(file))[0]}" for name, file in files.items()]
        whole = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:12]
        whole = whole if files else ""
        known[module, search] = {file: stamp(file) for file in files.values()}, whole
    return whole


def user_files(module: str, search: Search) -> dict[str, Path]:
    """The file of a module and those of the user's own modules that it imports, by name."""
    files: dict[str, Path] = {}
    start = next(chain(module, search), None)
    waiting = [module] if start else []
    while waiting:
        for name, spec in chain(waiting.pop(), search):
            file = Path(spec.origin or "")
            if (
                name in files
                or not file.is_file()
                or not (start and own(file, name, *start))
            ):
                continue
            files[name] = file
            package = name if spec.submodule_search_locations else name.rpartition(".")[0]
            waiting += imported(read(file, stamp(file))[1], package)
    return files


def chain(module: str, search: Search) -> Iterator[tuple[str, ModuleSpec]]:
    """A module's packages from the top, then the module itself, as far as they exist."""
    name, folders = "", list(search)
    for part in module.split("."):
        spec = PathFinder.find_spec(part, folders) or (None if name else hooked(part))
        if spec is None:
            return
        name = f"{name}.{part}" if name else part
        yield name, spec
        folders = list(spec.submodule_search_locations or [])


def hooked(name: str) -> ModuleSpec | None:
    """A package that is installed by an import hook, as editable ones are."""
    try:
        return find_spec(name)
    except (ImportError, ValueError):
        return None


def own(file: Path, name: str, top: str, spec: ModuleSpec) -> bool:
    """Whether a module is of the package `top`, or the user's and lies beside that.

    An environment may lie there too: what is installed in it is not the user's own.
    """
    if name.partition(".")[0] == top:
        return True
    root, installed = folder_of(spec), {"site-packages", "dist-packages"} & {*file.parts}
    others = {*SUITE, STANDARD} & {*file.parents}
    return root in file.parents and not installed and not others


def folder_of(spec: ModuleSpec) -> Path:
    """Where a top package or module lies."""
    locations = list(spec.submodule_search_locations or [])
    return Path(locations[0] if locations else spec.origin or "").parent


def stamp(file: Path) -> Stamp:
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(4096)
def read(file: Path, stamp: Stamp) -> tuple[str, tuple[tuple[int, str], ...]]:
    """The digest of a file's content and what it imports, as (level, name)."""
    try:
        content = file.read_bytes().replace(b"\r\n", b"\n")
        found = tuple(imports(ast.parse(content))) if file.suffix == ".py" else ()
    except OSError:
        return "unreadable", ()
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # importing it will tell
        found = ()
    return hashlib.sha256(content).hexdigest(), found


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """What a module imports, anywhere in it; a name after `from` may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                parts = (node.module, alias.name.strip("*"))
                yield node.level, ".".join(part for part in parts if part)


def imported(found: Sequence[tuple[int, str]], package: str) -> Iterator[str]:
    """The whole names of what a module of that package imports."""
    for level, name in found:
        folders = package.split(".")
        base = folders[: len(folders) - level + 1] if level else []
        if base != [""] and (not level or base):
            yield ".".join([*base, name] if name else base)
