"""The names that options accept, read from source files: importing them takes seconds.

A test compares these lists with the registries.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

SMP = "segmentation_models_pytorch"
ARCHITECTURES = "_MODEL_ARCHITECTURES"  # smp's own list
UNFIT = {"dpt"}  # architectures of smp that take no convolutional encoder


def blocks() -> dict[str, str]:
    """Keys and their labels in tables."""
    entries = registry(source("ablations", "attention/__init__.py"), "BLOCKS")
    return {key: cast(Any, value).args[1].value for key, value in entries}


def every_block() -> dict[str, str]:
    return blocks() | library_blocks()


def library_blocks() -> dict[str, str]:
    """Short names of the blocks of other libraries, and their classes."""
    return {**timm_blocks(), "smp:scse": "smp's SCSEModule"}


def timm_blocks() -> dict[str, str]:
    """What timm's create_attn knows: names with which its function compares."""
    branches = [
        part
        for part in ast.walk(source("timm", "layers/create_attn.py"))
        if isinstance(part, ast.If) and ast.unparse(part.test).startswith("attn_type == ")
    ]
    return {
        f"timm:{compared_with(part)}": f"timm's {class_name(value_in(part))}"
        for part in branches
    }


def compared_with(branch: ast.If) -> str:
    name: str = ast.literal_eval(cast(ast.Compare, branch.test).comparators[0])
    return name


def value_in(part: ast.If) -> ast.expr:
    """What the first statement of a branch assigns or returns."""
    return cast(ast.expr, cast(ast.Assign | ast.Return, part.body[0]).value)


def placements() -> dict[str, str]:
    """Keys and the first line of their functions' docstrings."""
    return functions("ablations", "placements.py", "PLACEMENTS")


def functions(package: str, path: str, name: str) -> dict[str, str]:
    """Keys of a registry of functions, and the first line of their docstrings."""
    tree = source(package, path)
    summaries = {
        part.name: first_line(part)
        for part in tree.body
        if isinstance(part, ast.FunctionDef)
    }
    return {key: summaries[ast.unparse(value)] for key, value in registry(tree, name)}


def models() -> dict[str, str]:
    """smp's architectures, then the networks of papers, and the classes' names."""
    own = registry(source("ablations", "paper_models/__init__.py"), "PAPER_MODELS")
    papers = {key: f"{class_name(value)}, as the PSA paper counts it" for key, value in own}
    return {key: ast.unparse(name) for key, name in architectures().items()} | papers


def architectures() -> dict[str, ast.expr]:
    """smp's architectures, and the names of their classes."""
    names = cast(ast.List, value_of(source(SMP), ARCHITECTURES)).elts
    classes = {ast.unparse(name).lower(): name for name in names}
    return {key: name for key, name in classes.items() if key not in UNFIT}


def class_name(value: ast.expr) -> str:
    """The name of a class, or of a partial of it with its options."""
    if isinstance(value, ast.Call):
        name, *options = map(ast.unparse, (*value.args, *value.keywords))
        return f"{name}({', '.join(options)})"
    return ast.unparse(value)


def datasets() -> dict[str, str]:
    """Keys and the first line of their files' docstrings."""
    entries = registry(source("lightning_modules", "data/__init__.py"), "DATASETS")
    return {
        key: first_line(source("lightning_modules", f"data/{module_of(value)}.py"))
        for key, value in entries
    }


def augmentations() -> dict[str, str]:
    """Keys and the first line of their functions' docstrings."""
    return functions("lightning_modules", "data/augmentations.py", "AUGMENTATIONS")


def losses() -> dict[str, str]:
    """Keys and the first line of their functions' docstrings."""
    return functions("lightning_modules", "losses.py", "LOSSES")


def protocols() -> dict[str, str]:
    """Keys and their meanings."""
    entries = registry(source("ablations", "protocols.py"), "PROTOCOLS")
    return {key: cast(Any, value).args[0].value for key, value in entries}


# By the option that takes them.
NAMES: dict[str, Callable[[], Mapping[str, str]]] = {
    "block": every_block,
    "placement": placements,
    "model": models,
    "dataset": datasets,
    "augmentation": augmentations,
    "loss": losses,
    "protocol": protocols,
}


def conventions() -> list[str]:
    """Keys only; their meaning is a sentence too long for a list."""
    tree = source("ablations", "complexity/conventions.py")
    return [key for key, _ in registry(tree, "CONVENTIONS")]


def module_of(value: ast.expr) -> str:
    return ast.unparse(value).partition(".")[0]


def source(package: str, path: str = "__init__.py") -> ast.Module:
    """The parsed file of a package, which is located but not imported."""
    return ast.parse((folder_of(package) / path).read_text("utf-8"))


def folder_of(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return Path(spec.origin).parent


def registry(tree: ast.Module, name: str) -> Iterator[tuple[str, ast.expr]]:
    """The entries of the dict literal of that name."""
    literal = cast(ast.Dict, value_of(tree, name))
    for key, value in zip(literal.keys, literal.values, strict=True):
        yield ast.literal_eval(cast(ast.expr, key)), value


def value_of(tree: ast.Module, name: str) -> ast.expr:
    """The value that a file assigns to a name."""
    for part in tree.body:
        if isinstance(part, ast.Assign | ast.AnnAssign) and part.value is not None:
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                return part.value
    raise LookupError(name)


def first_line(part: ast.Module | ast.FunctionDef) -> str:
    return (ast.get_docstring(part) or "").partition("\n")[0].rstrip(".")
