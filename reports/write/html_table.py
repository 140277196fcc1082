"""What a table holds in HTML: header groups, and cells with what they sort by.

A table of many rows is data that the page turns into rows when they are looked at.
"""

from collections.abc import Sequence
from itertools import groupby
from numbers import Real
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pandas as pd

from ablations.errors import visible
from reports.page import WIDE, Column, Table
from reports.write.cells import cell, shortened

MANY = 200  # the most rows that are written as rows
FILTERED = 10  # the fewest rows with a box to filter them


class Cell(NamedTuple):
    text: str
    order: float | str  # what it sorts by; empty: by its text, or before all numbers
    tip: str = ""
    link: str = ""


class Head(NamedTuple):
    """A header over one column."""

    place: int  # of the column, from 0
    text: str
    column: Column
    number: bool  # whether the column sorts as numbers
    rows: int = 1

    @property
    def align(self) -> str:
        return self.column.align

    @property
    def wide(self) -> bool:
        """Whether the column is shown only on demand."""
        return self.column.rank >= WIDE


class Group(NamedTuple):
    """A header over adjacent columns."""

    text: str
    columns: int
    column: None = None


class Grid(NamedTuple):
    """A table as the template lays it out."""

    table: Table
    columns: Sequence[Head]
    heads: Sequence[Sequence[Head | Group]]
    rows: Sequence[Sequence[Cell]]  # empty if there are many
    data: dict[str, Any] | None  # the same as data, if there are many

    @property
    def filtered(self) -> bool:
        return len(self.table.numbers) >= FILTERED

    @property
    def left_out(self) -> bool:
        return any(column.wide for column in self.columns)


def grid(table: Table) -> Grid:
    tips = {column.tip for column in table.columns}
    # A column that explains another one is shown as its tip.
    shown = [column for column in table.columns if column.name not in tips]
    cells = [cells_of(table.numbers, column) for column in shown]
    columns = [
        Head(place, visible(shortened(column.header)), column, is_number(cells[place]))
        for place, column in enumerate(shown)
    ]
    heads = header_rows(columns)
    if len(table.numbers) > MANY:
        return Grid(table, columns, heads, [], as_data(cells))
    return Grid(table, columns, heads, list(zip(*cells, strict=True)), None)


def header_rows(columns: Sequence[Head]) -> list[Sequence[Head | Group]]:
    """One row, or two if some columns have a common header."""
    if not any(head.column.group for head in columns):
        return [columns]
    upper: list[Head | Group] = []
    for group, some in groupby(columns, lambda head: head.column.group):
        members = list(some)
        if group:
            upper.append(Group(visible(shortened(group)), len(members)))
        else:
            upper += [head._replace(rows=2) for head in members]
    return [upper, [head for head in columns if head.column.group]]


def cells_of(numbers: pd.DataFrame, column: Column) -> list[Cell]:
    blank = [""] * len(numbers)
    tips = numbers[column.tip] if column.tip else blank
    links = numbers[column.link] if column.link else blank
    return [
        Cell(cell(value, column), order(value), visible(words(tip)), safe(words(link)))
        for value, tip, link in zip(numbers[column.name], tips, links, strict=True)
    ]


def words(value: object) -> str:
    return value if isinstance(value, str) else ""


def order(value: object) -> float | str:
    """The number itself, so that no rounding of its text ties or misorders it."""
    if isinstance(value, Real) and not pd.isna(value):
        return float(value)
    return ""


def is_number(cells: Sequence[Cell]) -> bool:
    return any(one.order != "" for one in cells)


def safe(address: str) -> str:
    """An address in this page, a file beside it or on the web; empty for any other."""
    quoted = quote(address, safe=":/?#&=%+,~")
    try:
        scheme = urlsplit(quoted).scheme
    except ValueError:
        return ""
    return quoted if scheme in ("", "http", "https") else ""


def as_data(cells: Sequence[Sequence[Cell]]) -> dict[str, Any]:
    """Each column with every text once, and the place of each row in it."""
    return {
        "rows": len(cells[0]),
        "columns": [
            {
                "text": encoded([one.text for one in column]),
                "order": ranks(column),
                "tip": encoded([one.tip for one in column]),
                "link": encoded([one.link for one in column]),
            }
            for column in cells
        ],
    }


def encoded(texts: Sequence[str]) -> dict[str, list[Any]] | None:
    """The different texts and their places, None if all are empty."""
    places: dict[str, int] = {}
    codes = [places.setdefault(text, len(places)) for text in texts]
    if not any(places):
        return None
    return {"texts": list(places), "codes": codes if len(places) < len(texts) else []}


def ranks(cells: Sequence[Cell]) -> list[int] | None:
    """The rank of each number: shorter than the number, and in the same order.

    0 stands for a cell without a number; None if there is none.
    """
    numbers = sorted({one.order for one in cells if isinstance(one.order, float)})
    if not numbers:
        return None
    place = {number: rank for rank, number in enumerate(numbers, start=1)}
    return [place[one.order] if isinstance(one.order, float) else 0 for one in cells]
