"""Plain YAML from a file; JSON is YAML too."""

from pathlib import Path
from typing import Any

import yaml

from ablations.errors import InputError


class UniqueKeyLoader(yaml.SafeLoader):
    """Plain YAML; a key that is given twice is an error, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"line {line}: key {', '.join(twice)} is given twice")
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> object:
    """The content of a YAML or JSON file, loaded safely."""
    try:
        return yaml.load(path.read_text(), UniqueKeyLoader)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML ({error})") from None
