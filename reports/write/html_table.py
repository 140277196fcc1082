"""How a table is laid out in HTML: its headers, and its rows or its data."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from ablations.errors import visible
from reports.page import WIDE, Column, Table
from reports.write.cells import shortened
from reports.write.html_cells import Cell, as_data, as_rows, cells_of

MANY = 200  # the most rows that are written as rows
FILTERED = 15  # the fewest rows with a box to filter them


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
    """A table as the template lays it out.

    Of a table of many rows the page makes rows when a reader looks at them.
    """

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
    cells = [cells_of(table, column) for column in shown]
    columns = [
        Head(place, visible(shortened(column.header)), column, bool(cells[place].ranks))
        for place, column in enumerate(shown)
    ]
    heads = header_rows(columns)
    if len(table.numbers) > MANY:
        return Grid(table, columns, heads, [], as_data(cells))
    return Grid(table, columns, heads, as_rows(cells), None)


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
