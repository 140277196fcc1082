"""A page in HTML: one file that opens from disk and asks no host for anything."""

import base64
import hashlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple, assert_never

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from ablations.errors import visible
from reports import plots
from reports.page import (
    Chart,
    Code,
    Fold,
    Heading,
    Inline,
    Items,
    Lines,
    Link,
    Page,
    Part,
    Picture,
    Strong,
    Table,
    Text,
)
from reports.write.html_table import grid, safe
from reports.write.libraries import LIBRARIES, Library

SEARCHED = 5  # the fewest folds in a row that have a box to search them
LISTED = 3  # the fewest chapters that a page lists
SCRIPTS = {"tables": "tables.js", "charts": "charts.js"}  # what uses each library


class Chapter(NamedTuple):
    title: str
    anchor: str


class Layout:
    """Turns the parts of one page into HTML; no two headings have the same anchor."""

    def __init__(self) -> None:
        self.anchors: set[str] = set()
        self.chapters: list[Chapter] = []
        self.needs: set[str] = set()  # of LIBRARIES

    def parts(self, parts: Sequence[Part]) -> Markup:
        return Markup("\n").join(self.part(group) for group in searchable(parts))

    def part(self, content: "Part | list[Fold]") -> Markup:
        match content:
            case list():
                return macro("folds", [self.fold(fold) for fold in content])
            case Fold():
                return self.fold(content)
            case Heading(text, level):
                return self.heading(text, level)
            case Text():
                return macro("paragraph", inlines(content))
            case Items(items):
                return macro("bullets", list(map(inlines, items)))
            case Lines(text):
                lines = "\n".join(visible(line) for line in text.splitlines())
                return macro("lines", lines)
            case Table():
                self.needs.add("tables")
                return macro("table", grid(content))
            case Picture(_, subject, figure):
                return macro("picture", visible(subject), address_of(figure))
            case Chart(subject, spec):
                self.needs.add("charts")
                return macro("chart", visible(subject), spec)
        assert_never(content)

    def heading(self, text: str, level: int) -> Markup:
        anchor = self.anchor(slug(text))
        if level == 2:
            self.chapters.append(Chapter(visible(text), anchor))
        return macro("heading", visible(text), level, anchor)

    def fold(self, fold: Fold) -> Markup:
        anchor = self.anchor(fold.anchor or slug(fold.title))
        if fold.level == 2:
            self.chapters.append(Chapter(visible(fold.title), anchor))
        inner = self.parts(fold.parts)
        return macro("fold", visible(fold.title), fold.level, anchor, inner)

    def anchor(self, wanted: str) -> str:
        """The wanted name, with a number if the page has one like it."""
        name, number = wanted, 1
        while name in self.anchors:
            number += 1
            name = f"{wanted}-{number}"
        self.anchors.add(name)
        return name


def page(content: Page) -> str:
    layout = Layout()
    body = layout.parts(content.parts)
    libraries = [LIBRARIES[name] for name in LIBRARIES if name in layout.needs]
    scripts = list(scripts_of(layout.needs))
    return templates().get_template("page.html").render(
        title=visible(content.title),
        body=body,
        chapters=layout.chapters if len(layout.chapters) >= LISTED else [],
        style=Markup(source("page.css")),
        scripts=[Markup(script) for script in scripts],
        policy=policy(scripts, libraries),
        libraries=libraries,
    )


def searchable(parts: Sequence[Part]) -> "Iterator[Part | list[Fold]]":
    """The parts, with many folds in a row as one list, which has a box to search it."""
    folds: list[Fold] = []
    for part in [*parts, None]:
        if isinstance(part, Fold):
            folds.append(part)
            continue
        if len(folds) >= SEARCHED:
            yield folds
        else:
            yield from folds
        folds = []
        if part is not None:
            yield part


def inlines(text: Text) -> Markup:
    return Markup("").join(map(inline, text.parts))


def inline(content: Inline) -> Markup:
    match content:
        case str():
            return Markup.escape(visible(content))
        case Code(text):
            return Markup("<code>{}</code>").format(visible(text))
        case Strong(text):
            return Markup("<strong>{}</strong>").format(visible(text))
        case Link(text, address):
            if not (target := safe(address)):
                return Markup.escape(visible(f"{text} ({address})"))
            return Markup('<a href="{}">{}</a>').format(target, visible(text))
    assert_never(content)


def slug(text: str) -> str:
    """A short name for an address, from the letters and digits of a title."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))[:60] or "part"


def address_of(figure: Figure) -> str:
    """The figure as an image in the page.

    As an image of its own it can run nothing, and its ids clash with no other's.
    """
    file = io.BytesIO()
    with mpl.rc_context(plots.STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # it is drawn as a box
        figure.savefig(file, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()


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


@cache
def templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports.write"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["visible"] = visible
    return environment


def macro(name: str, *arguments: object) -> Markup:
    """A part as parts.html lays it out."""
    return Markup(getattr(parts_template(), name)(*arguments))  # noqa: S704, it is escaped


@cache
def parts_template() -> object:
    return templates().get_template("parts.html").module


@cache
def source(name: str) -> str:
    loader, environment = templates().loader, templates()
    assert loader is not None  # noqa: S101
    return loader.get_source(environment, name)[0]
