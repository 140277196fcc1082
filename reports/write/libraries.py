"""The JavaScript libraries that a page carries in itself, so that it asks no host for them.

They are files of Python packages, so that pip fetches them and the lock file pins them.
"""

import functools
import re
from collections.abc import Callable
from importlib.metadata import distribution, version
from pathlib import Path
from typing import NamedTuple


class Library(NamedTuple):
    """A library, for the footer of the pages that carry it."""

    name: str
    licence: str
    homepage: str
    package: str  # on PyPI, which ships the code
    code: Callable[[], str]

    @property
    def version(self) -> str:
        """Of the package."""
        return version(self.package)


@functools.cache
def data_tables() -> str:
    """A module that defines DataTable; its own exports could not be imported."""
    path = distribution("itables").locate_file("itables/html/dt_bundle.js")
    return with_global(Path(str(path)).read_text(encoding="utf-8"), "DataTable")


def with_global(code: str, name: str) -> str:
    """The code of a module with its default export as a global variable instead."""
    exports = re.compile(r"export\s*\{[^}]*?([\w$]+) as default[^}]*\}")
    changed, number = exports.subn(lambda found: f"window.{name} = {found[1]}", code)
    if number != 1:
        raise ValueError(f"{name}: its module has {number} default exports instead of 1")
    return changed


@functools.cache
def vega() -> str:
    """A script that defines vegaEmbed; bundling takes three seconds."""
    from vl_convert import javascript_bundle

    return str(javascript_bundle("window.vegaEmbed = vegaEmbed;"))


LIBRARIES = {
    "tables": Library(
        "DataTables", "MIT", "https://datatables.net", "itables", data_tables
    ),
    "charts": Library(
        "Vega, Vega-Lite and Vega-Embed",
        "BSD-3-Clause",
        "https://vega.github.io",
        "vl-convert-python",
        vega,
    ),
}
