"""A page as a value: its content, before it is escaped, rounded or laid out.

The renderers are reports/write and terminal.py, one file each.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pandas import DataFrame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Show = Callable[[Any], str]
Align = Literal["left", "right", "paragraph"]

WIDE = 9  # the rank of columns that a terminal shows only with --wide


class Column(NamedTuple):
    """A column of a table of numbers, and how it is shown."""

    name: str  # in the frame
    header: str  # need not be unique
    show: Show
    align: Align = "right"  # paragraph: long text, left-aligned and wrapped
    group: str = ""  # a common header over adjacent columns
    rank: int = 0  # a terminal shows columns in this order, as many as fit
    brief: str = ""  # the header in a terminal, if it differs
    tip: str = ""  # the column of the frame that explains each cell, shown on demand
    link: str = ""  # the column of the frame with the address that each cell leads to
    upto: str = ""  # the column of the frame with the upper end, if a cell is a range
    best: Literal["max", "min", ""] = ""  # which of its numbers a paper's table marks


class Paper(NamedTuple):
    """The form of a table in a paper, where there is room for few columns."""

    columns: Sequence[Column]
    caption: str  # says what a reader knows who sees nothing but the table
    notes: Sequence[str] = ()


class Table(NamedTuple):
    """Numbers in base units, with their columns, caption and notes."""

    numbers: DataFrame
    columns: Sequence[Column]
    name: str = ""  # of its files; if empty, it is only part of the page
    caption: str = ""
    notes: Sequence[str] = ()
    paper: Paper | None = None  # if its form in LaTeX is another one


class Heading(NamedTuple):
    text: str
    level: int = 2  # 1 is the page's title


class Picture(NamedTuple):
    name: str  # of its files
    subject: str
    figure: "Figure"


class Chart(NamedTuple):
    """An interactive plot in a page that can show one; elsewhere it is left out.

    spec is Vega-Lite with its data inline. What it shows is also in a table or picture.
    """

    subject: str
    spec: dict[str, Any]


class Code(NamedTuple):
    text: str


class Strong(NamedTuple):
    text: str


class Link(NamedTuple):
    text: str
    address: str


Inline = str | Code | Strong | Link


@dataclass(frozen=True, init=False)
class Text:
    """A paragraph; renderers escape its plain parts, so any character is shown as it is."""

    parts: tuple[Inline, ...]

    def __init__(self, *parts: Inline) -> None:
        object.__setattr__(self, "parts", parts)


class Items(NamedTuple):
    """A bulleted list."""

    items: Sequence[Text]


class Lines(NamedTuple):
    """Preformatted lines, such as the end of a log or a command."""

    text: str


class Fold(NamedTuple):
    """Parts under a title that a reader opens; a page that cannot fold shows them all.

    anchor is its name for links within the page: #anchor. A detail is for a page that can
    fold; elsewhere it is left out.
    """

    title: str
    parts: Sequence["Part"]
    level: int = 3  # of its title as a heading
    anchor: str = ""
    detail: bool = False
    opened: bool = False  # at first


Flat = Heading | Text | Items | Lines | Table | Picture | Chart
Part = Flat | Fold


class Page(NamedTuple):
    title: str
    parts: Sequence[Part]

    @property
    def tables(self) -> list[Table]:
        return [part for part in unfolded(self.parts) if isinstance(part, Table)]

    @property
    def pictures(self) -> list[Picture]:
        return [part for part in unfolded(self.parts) if isinstance(part, Picture)]


def unfolded(parts: Iterable[Part]) -> Iterator[Flat]:
    """All parts but details in their order, each fold as its heading and its parts."""
    for part in parts:
        if isinstance(part, Fold):
            if not part.detail:
                yield Heading(part.title, part.level)
                yield from unfolded(part.parts)
        else:
            yield part


def headers(columns: Sequence[Column]) -> list[str]:
    """One header per column, for output without spans: a group's name is in its first."""
    before = ["", *(column.group for column in columns)]
    return [
        column.header if column.group in ("", group) else f"{column.group} {column.header}"
        for column, group in zip(columns, before, strict=False)
    ]


def most_telling(columns: Sequence[Column]) -> list[Column]:
    """The columns that a terminal shows without --wide, in order of rank."""
    return [
        column._replace(header=column.brief or column.header)
        for column in sorted(columns, key=lambda column: column.rank)
        if column.rank < WIDE
    ]
