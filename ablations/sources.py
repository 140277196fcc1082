"""The source of what a user names by import path, such as a block my_file:MyBlock.

It decides the result of a run, so its digest is part of the run's identity. The digest
covers the named module's file and those of the user's own files that it imports. Nothing is
executed to find them; an import under a computed name is missed. The same holds for the
content of a file of encoder weights.
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
from ablations.import_path import is_library_block
from ablations.notation import Part, parse_part
from ablations.place_notation import parse_placement
from ablations.search_path import OURS

# Keys of a configuration whose value may hold import paths.
NAMED = ("block", "placement", "dataset")
SUITE = [Path(__file__).parents[1] / name for name in OURS]
FILE = "file:"  # before the path of encoder weights
STANDARD = Path(sysconfig.get_path("stdlib"))

Stamp = tuple[int, int]  # of a file: time of modification, in ns, and size
Search = tuple[str, ...]  # folders, as in sys.path

digests: dict[tuple[str, Search], tuple[dict[Path, Stamp], str]] = {}
imports_here: dict[str, str] = {}  # by path, the digest when this process imported it


def source_of(values: Mapping[str, Any]) -> str:
    """`block=DIGEST` for each part of the user's own; empty for keys of the registries."""
    sources = [(key, digest(module_of(path))) for key, path in import_paths(values)]
    if weights := weights_file(values.get("encoder_weights")):
        sources.append(("encoder_weights", content_digest(weights, stamp(weights))))
    return ",".join(f"{key}={source}" for key, source in sources if source)


def check_source(values: Mapping[str, Any], name: str) -> None:
    """InputError if the source that values state is not the current one."""
    source, current = values["source"], source_of(values)
    names = [path for _, path in import_paths(values)]
    weights = weights_file(values.get("encoder_weights"))
    paths = ", ".join([*names, str(weights)] if weights else names)
    if source and not paths:
        raise InputError(f"{name}: source = {source!r}: only a user's own part has one")
    if source != current:
        now = current or "not found"
        raise InputError(
            f"{name}: source = {source!r}: {paths} has changed, its source is now {now!r}"
        )


def check_imported(values: Mapping[str, Any]) -> None:
    """InputError if this process imported a version other than the current one."""
    check_source(values, "configuration")
    for _, path in import_paths(values):
        current = digest(module_of(path))
        if imports_here.setdefault(path, current) != current:
            raise InputError(
                f"{path} was changed after this process imported it; start a new process"
            )


def import_paths(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The import paths in a configuration, each with its key."""
    named = [(key, name) for key in NAMED for name in names_in(key, values.get(key))]
    return [(key, name) for key, name in dict.fromkeys(named) if is_import_path(name)]


def weights_file(weights: object) -> Path | None:
    """The file that encoder_weights name, if they name one."""
    if not isinstance(weights, str) or not weights.startswith(FILE) or "\0" in weights:
        return None
    return Path(weights.removeprefix(FILE))


def names_in(key: str, text: object) -> Iterator[str]:
    """What a text names: a part, the parts that it is built around, the terms of a sum."""
    if not isinstance(text, str):
        return
    try:
        if key == "placement":
            parts = [term.part for term in parse_placement(text)]
        else:
            parts = [parse_part(text)]
    except InputError:  # it names nothing; whoever looks it up says so
        return
    for part in parts:
        inner: Part | None = part
        while inner:
            yield inner.name
            inner = inner.inner


def is_import_path(value: object) -> bool:
    """my_package.my_file:MyBlock, but not a library's short name such as timm:eca"""
    if not isinstance(value, str) or value.count(":") != 1 or is_library_block(value):
        return False
    return all(part.isidentifier() for part in value.replace(":", ".").split("."))


def module_of(path: str) -> str:
    return path.partition(":")[0]


def digest(module: str) -> str:
    """The digest of a module's files; empty if there is no such module."""
    here = str(Path.cwd())  # where find_block looks too
    search = tuple(sys.path if here in sys.path else [*sys.path, here])
    stamps, whole = digests.get((module, search), ({}, ""))
    if not stamps or any(stamp(file) != old for file, old in stamps.items()):
        files = user_files(module, search)
        lines = [f"{name} {read(file, stamp(file))[0]}" for name, file in files.items()]
        whole = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:12]
        whole = whole if files else ""
        digests[module, search] = {file: stamp(file) for file in files.values()}, whole
    return whole


def user_files(module: str, search: Search) -> dict[str, Path]:
    """The file of a module and those of the user's own modules that it imports, by name."""
    files: dict[str, Path] = {}
    start = next(chain(module, search), None)
    queue = [module] if start else []
    while queue:
        for name, spec in chain(queue.pop(), search):
            file = Path(spec.origin or "")
            if (
                name in files
                or not file.is_file()
                or not (start and own(file, name, *start))
            ):
                continue
            files[name] = file
            package = name if spec.submodule_search_locations else name.rpartition(".")[0]
            queue += full_names(read(file, stamp(file))[1], package)
    return files


def chain(module: str, search: Search) -> Iterator[tuple[str, ModuleSpec]]:
    """A module's packages from the top and the module itself, up to the first missing."""
    name, folders = "", list(search)
    for part in module.split("."):
        spec = PathFinder.find_spec(part, folders) or (None if name else find_by_hook(part))
        if spec is None:
            return
        name = f"{name}.{part}" if name else part
        yield name, spec
        folders = list(spec.submodule_search_locations or [])


def find_by_hook(name: str) -> ModuleSpec | None:
    """A package that an import hook finds, as it does editable installs."""
    try:
        return find_spec(name)
    except (ImportError, ValueError):
        return None


def own(file: Path, name: str, top: str, spec: ModuleSpec) -> bool:
    """Whether a module is part of the package `top`, or the user's and beside it.

    An environment may be there too: what is installed in it is not the user's own.
    """
    if name.partition(".")[0] == top:
        return True
    root, installed = folder_of(spec), {"site-packages", "dist-packages"} & {*file.parts}
    others = {*SUITE, STANDARD} & {*file.parents}
    return root in file.parents and not installed and not others


def folder_of(spec: ModuleSpec) -> Path:
    """The folder that holds a top-level package or module."""
    locations = list(spec.submodule_search_locations or [])
    return Path(locations[0] if locations else spec.origin or "").parent


def stamp(file: Path) -> Stamp:
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(64)
def content_digest(file: Path, stamp: Stamp) -> str:
    """The digest of a file of weights; empty if it cannot be read."""
    if not file.is_file():  # a pipe would be waited for
        return ""
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()[:12]
    except OSError:
        return ""


@lru_cache(4096)
def read(file: Path, stamp: Stamp) -> tuple[str, tuple[tuple[int, str], ...]]:
    """The digest of a file's content and what it imports, as (level, name)."""
    try:
        content = file.read_bytes().replace(b"\r\n", b"\n")
        names = tuple(imports(ast.parse(content))) if file.suffix == ".py" else ()
    except OSError:
        return "unreadable", ()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        names = ()  # importing it reports the error
    return hashlib.sha256(content).hexdigest(), names


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """What a module imports, anywhere in it; a name after `from` may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                parts = (node.module, alias.name.strip("*"))
                yield node.level, ".".join(part for part in parts if part)


def full_names(names: Sequence[tuple[int, str]], package: str) -> Iterator[str]:
    """The full names of what a module of that package imports."""
    for level, name in names:
        folders = package.split(".")
        base = folders[: len(folders) - level + 1] if level else []
        if base != [""] and (not level or base):
            yield ".".join([*base, name] if name else base)
