"""The public names of a package, each imported when it is first used.

So `import ablations` and `ablate --help` load neither torch nor pandas.
"""

from collections.abc import Callable, Mapping
from importlib import import_module


def on_demand(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The __getattr__ of a package (PEP 562) whose names come from these modules."""

    def attribute(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return attribute
