"""Plain YAML from a file; JSON is YAML too.

Nothing in a file makes reading it wait or fill the memory: only regular files up to a size
are read, and nesting, self-reference and merge keys are bounded. Mistakes are one line.
"""

import math
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from ablations.errors import InputError, quoted

BYTES = 2_000_000
DEPTH = 100  # of brackets in brackets
MERGED = 1000  # keys that << brings into a mapping
TEXT, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
OF_A_TAG = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class PlainLoader(SafeLoader):  # type: ignore[misc]
    """Plain YAML whose keys are texts, each given once."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """At once, inner nodes included: so a node within itself is an error."""
        if node in self.recursive_objects:
            raise at(node, "an alias stands for what it is part of")
        try:
            return super().construct_object(node, deep=True)
        except OF_A_TAG as error:  # !!int x, 2024-13-01
            kind = node.tag.rpartition(":")[2]
            why = kind == "timestamp" and isinstance(error, ValueError)
            reason = f" ({error})" if why else ""
            raise at(node, f"{written(node)} cannot be read as {kind}{reason}") from None

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> Any:
        if isinstance(node, yaml.MappingNode):
            check_keys(node)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Bring in what << names, unless it multiplies."""
        merged = [inner for key, value in node.value for inner in merges(key, value)]
        for inner in {id(inner): inner for inner in merged}.values():
            self.flatten_mapping(inner)
        if sum(len(inner.value) for inner in merged) > MERGED:
            raise at(node, f"<< brings in more than {MERGED} keys")
        super().flatten_mapping(node)


def merges(key: yaml.Node, value: yaml.Node) -> list[yaml.MappingNode]:
    """The mappings that `<<: value` brings in."""
    if key.tag != MERGE:
        return []
    inner = value.value if isinstance(value, yaml.SequenceNode) else [value]
    return [node for node in inner if isinstance(node, yaml.MappingNode)]


def check_keys(node: yaml.MappingNode) -> None:
    keys = [key for key, _ in node.value]
    for key in keys:
        if key.tag not in {TEXT, MERGE}:
            raise at(key, not_text(key))
    for name, times in Counter(key.value for key in keys).items():
        if times > 1:
            raise at(node, f"key {name} is given twice")


def not_text(key: yaml.Node) -> str:
    kind = key.tag.rpartition(":")[2]
    why = f"YAML reads it as {kind}"
    if kind == "bool":
        why = "YAML reads on, yes, off and no as true or false"
    return f"key {written(key)} is not text: {why}; put it in quotes"


def written(node: yaml.Node) -> str:
    """A node as it stands in the file, if it is a single word."""
    whole = isinstance(node, yaml.ScalarNode)
    return quoted(node.value) if whole else f"of kind {node.tag.rpartition(':')[2]}"


def at(node: yaml.Node, problem: str) -> ConstructorError:
    return ConstructorError(None, None, problem, node.start_mark)


def read_yaml(path: Path) -> object:
    """The content of a YAML or JSON file, loaded safely."""
    text = read_text(path)
    try:
        check_depth(text)
        return yaml.load(text, PlainLoader)  # noqa: S506, a SafeLoader
    except ConstructorError as error:
        raise InputError(f"{path}: {problem(error)}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path}: not YAML ({problem(error)})") from None


def read_text(path: Path) -> str:
    """What a regular file of UTF-8 text holds."""
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        content = read_bytes(path) if regular else b""
    except (OSError, ValueError) as error:  # ValueError: no path at all
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason})") from None
    if not regular:
        raise InputError(f"{path}: cannot be read (not a regular file)")
    if len(content) > BYTES:
        raise InputError(f"{path}: larger than {BYTES // 10**6} MB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from None


def read_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BYTES + 1)


def check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            raise yaml.YAMLError(f"nested more than {DEPTH} levels deep")


def problem(error: Exception) -> str:
    """In one line, with its place."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        return f"{place}{error.problem or error.context}"
    if isinstance(error, RecursionError):
        return "<< or an alias refers to itself"
    return " ".join(str(error).split())


def number_hint(value: object) -> str:
    """How to write a number that YAML reads as text, such as 1e-4; else nothing."""
    if not (isinstance(value, str) and is_number(value)):
        return ""
    mantissa, _, exponent = value.strip().lower().partition("e")
    written = mantissa
    if exponent:
        point = mantissa if "." in mantissa else f"{mantissa}.0"
        written = f"{point}e{int(exponent):+d}"
    return f"; YAML reads it as text, write {written}"


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
