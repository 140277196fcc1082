"""Table cells as text, and untrusted names as one harmless line."""

from ablations.errors import visible
from reports.page import Column, Table, headers

LONG = 400  # characters of a name or a cell


def shortened(text: object, limit: int = LONG) -> str:
    line = str(text)
    return line if len(line) <= limit else f"{line[:limit]}..."


def header_cells(table: Table) -> list[str]:
    return [visible(shortened(header)) for header in headers(table.columns)]


def rows(table: Table) -> list[list[str]]:
    """Every cell as text."""
    columns = [cells(table, column) for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def cells(table: Table, column: Column) -> list[str]:
    values = [cell(value, column) for value in table.numbers[column.name]]
    if not column.upto:
        return values
    ends = [cell(value, column) for value in table.numbers[column.upto]]
    return [
        low if low == high else f"{low} to {high}"
        for low, high in zip(values, ends, strict=True)
    ]


def cell(value: object, column: Column) -> str:
    text = column.show(value)
    return visible(text if column.align == "paragraph" else shortened(text))
