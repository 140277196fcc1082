"""A page in HTML: one file that opens from disk and asks no host for anything."""

import base64
import hashlib
from collections.abc import Iterator, Sequence

from ablations.errors import visible
from reports.page import Page
from reports.write.html_parts import Layout
from reports.write.libraries import LIBRARIES, Library
from reports.write.templating import filled, source

LISTED = 3  # the fewest chapters that a page lists
SCRIPTS = {"tables": "tables.js", "charts": "charts.js"}  # what uses each library


def page(content: Page) -> str:
    layout = Layout()
    body = layout.parts(content.parts)
    libraries = [LIBRARIES[name] for name in LIBRARIES if name in layout.needs]
    scripts = list(scripts_of(layout.needs))
    values: dict[str, object] = {
        "title": visible(content.title),
        "body": body,
        "chapters": layout.chapters if len(layout.chapters) >= LISTED else [],
        "style": source("page.css"),
        "scripts": scripts,
        "policy": policy(scripts, libraries),
        "libraries": libraries,
    }
    return filled("page.html", values)


def scripts_of(needs: set[str]) -> Iterator[str]:
    """The page's own script, and each library that it needs with what uses it."""
    yield source("page.js")
    for name, library in LIBRARIES.items():
        if name in needs:
            yield library.code()
            yield source(SCRIPTS[name])


def policy(scripts: Sequence[str], libraries: Sequence[Library]) -> str:
    """What a browser lets the page do: run these scripts, show what it holds.

    Vega turns the expressions of a chart into functions, which is a kind of eval. Styles
    are set by the libraries.
    """
    hashes = " ".join(f"'sha256-{digest(script)}'" for script in scripts)
    compiled = " 'unsafe-eval'" if LIBRARIES["charts"] in libraries else ""
    return (
        f"default-src 'none'; script-src {hashes}{compiled}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
