"""The parts of a page in HTML."""

import base64
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple, assert_never

import matplotlib as mpl
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
    Part,
    Picture,
    Strong,
    Table,
    Text,
)
from reports.write.html_cells import safe
from reports.write.html_table import grid
from reports.write.templating import macro

SEARCHED = 5  # the fewest folds in a row that have a box to search them


class Chapter(NamedTuple):
    title: str
    anchor: str


class Layout:
    """Turns the parts of one page into HTML; no two headings have the same anchor."""

    def __init__(self) -> None:
        self.anchors = {"main", "theme", "tip"}  # those of page.html
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
        return macro("fold", visible(fold.title), fold.level, anchor, inner, fold.opened)

    def anchor(self, wanted: str) -> str:
        """The wanted name, with a number if the page has one like it."""
        name, number = wanted, 1
        while name in self.anchors:
            number += 1
            name = f"{wanted}-{number}"
        self.anchors.add(name)
        return name


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
