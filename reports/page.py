"""A page as a value: what is on it, before anybody escapes, rounds or lays it out.

The renderers in reports/write and terminal.py walk it; each is one file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pandas import DataFrame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Show = Callable[[Any], str]
Align = Literal["left", "right", "paragraph"]

WIDE = 9  # the rank of columns that a terminal shows with --wide only


class Column(NamedTuple):
    """A column of a table of numbers, and how a reader sees it."""

    name: str  # in the frame
    header: str  # others may have the same
    show: Show
    align: Align = "right"  # paragraph: text at the left, so long that lines are broken
    group: str = ""  # the header of neighbours that belong together
    rank: int = 0  # a terminal shows columns in this order, as many as fit
    brief: str = ""  # the header in a terminal, if another


class Table(NamedTuple):
    """Numbers in base units, with all that belongs to them."""

    numbers: DataFrame
    columns: Sequence[Column]
    name: str = ""  # of its own files; none: it is part of the page only
    caption: str = ""
    notes: Sequence[str] = ()


class Heading(NamedTuple):
    text: str
    level: int = 2  # the title of the page has 1


class Picture(NamedTuple):
    name: str  # of its files
    subject: str
    figure: "Figure"


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
    """A paragraph; its plain parts are shown as they are, whatever signs they hold."""

    parts: tuple[Inline, ...]

    def __init__(self, *parts: Inline) -> None:
        object.__setattr__(self, "parts", parts)


class Items(NamedTuple):
    """A list with bullets."""

    items: Sequence[Text]


Part = Heading | Text | Items | Table | Picture


class Page(NamedTuple):
    title: str
    parts: Sequence[Part]

    @property
    def tables(self) -> list[Table]:
        return [part for part in self.parts if isinstance(part, Table)]


def headers(columns: Sequence[Column]) -> list[str]:
    """One line for each column, for output without spans: a group is named at its start."""
    before = ["", *(column.group for column in columns)]
    return [
        column.header if column.group in ("", group) else f"{column.group} {column.header}"
        for column, group in zip(columns, before, strict=False)
    ]


def most_telling(columns: Sequence[Column]) -> list[Column]:
    """The columns of a terminal without --wide, in order of rank."""
    return [
        column._replace(header=column.brief or column.header)
        for column in sorted(columns, key=lambda column: column.rank)
        if column.rank < WIDE
    ]
