"""Output in a terminal: pages whose tables fit its width, and progress."""

import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar, assert_never

from rich import box
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table as Grid
from rich.text import Text as Styled

from ablations.errors import printable, visible
from reports.page import (
    Chart,
    Code,
    Column,
    Flat,
    Heading,
    Inline,
    Items,
    Link,
    Part,
    Picture,
    Strong,
    Table,
    Text,
    headers,
    most_telling,
    unfolded,
)
from reports.write.cells import header_cells, rows

Item = TypeVar("Item")

WIDTH = 100  # if there is neither a terminal nor COLUMNS
WIDEST = 10_000  # with --wide
NARROWEST = 24  # characters of a column of long text
RULES = 3  # characters beside a column: two blanks and a rule
SECONDS = 10  # between lines of progress if there is no terminal


def show(parts: Iterable[Part], wide: bool) -> None:
    """Print a page; if wide, with all columns, whatever the width of the terminal."""
    width = WIDEST if wide else shutil.get_terminal_size((WIDTH, 24)).columns
    console = Console(width=width, highlight=False, emoji=False)
    for part in unfolded(parts):
        whole = isinstance(part, Text | Items)  # the terminal wraps it, so paths stay whole
        for piece in pieces(part, wide, console):
            console.print(piece, soft_wrap=whole)


def pieces(part: Flat, wide: bool, console: Console) -> Iterator[RenderableType]:
    match part:
        case Heading(text):
            yield Styled(f"\n{visible(text)}", "bold")
        case Text():
            yield styled(part)
        case Items(items):
            yield from (Styled("* ").append_text(styled(item)) for item in items)
        case Table():
            yield from table_pieces(part, wide, console)
        case Picture() | Chart():
            pass
        case _:
            assert_never(part)


def table_pieces(table: Table, wide: bool, console: Console) -> Iterator[RenderableType]:
    columns = table.columns if wide else fitting(table, console.width)
    if table.caption:
        yield Styled(f"\n{visible(table.caption)}", "bold")
    yield grid(table._replace(columns=columns), console)
    if len(columns) < len(table.columns):
        yield "More columns: --wide"
    yield from (Styled(visible(note)) for note in table.notes)


def fitting(table: Table, width: int) -> Sequence[Column]:
    """The most telling columns that fit, at least one."""
    columns = most_telling(table.columns)
    room = width
    for number, column in enumerate(columns):
        [header] = headers(columns[: number + 1])[number:]
        cells = [row[0] for row in rows(table._replace(columns=[column]))]
        if column.align == "paragraph":  # it wraps
            cells = [word for cell in cells for word in (cell[:NARROWEST], *cell.split())]
        room -= max(map(len, [*header.split(), *cells])) + RULES
        if room < 1 and number:
            return columns[:number]
    return columns


def grid(table: Table, console: Console) -> Grid:
    """Plain tables are Markdown. If there is no room, headers break between words."""
    plain = not console.is_terminal
    content = Grid(box=box.MARKDOWN if plain else box.SIMPLE_HEAD)
    cells = [[cell_text(cell, plain) for cell in row] for row in rows(table)]
    names = header_cells(table)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)] or [0] * len(
        names
    )
    lengths = map(max, widths, map(len, names))
    if sum(lengths) + RULES * len(names) >= console.width:
        names = [broken(*pair) for pair in zip(names, widths, strict=True)]
    for column, name, width in zip(table.columns, names, widths, strict=True):
        content.add_column(
            Styled(name),
            justify="right" if column.align == "right" else "left",
            no_wrap=column.align != "paragraph" and len(name) <= width,
        )
    for row in cells:
        content.add_row(*map(Styled, row))
    return content


def broken(header: str, width: int) -> str:
    """In lines as long as the cells or the longest word."""
    return textwrap.fill(header, max([width, *map(len, header.split())], default=1))


def cell_text(cell: str, plain: bool) -> str:
    return printable(cell.replace("|", "\\|") if plain else cell)


def styled(text: Text) -> Styled:
    line = Styled()
    for part in text.parts:
        line.append(visible(words(part)), "bold" if isinstance(part, Strong) else None)
    return line


def words(part: Inline) -> str:
    match part:
        case Code(text) | Strong(text):
            return text
        case Link(text, address):
            return f"{text} ({address})"
    return part


def progress(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """Yield items with a bar on stderr, or an occasional line if it is not a terminal."""
    if sys.stderr.isatty():
        columns = ("{task.description}", BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
            yield from bar.track(items, total, description=label)
        return
    start = last_line = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        if (now := time.monotonic()) - last_line > SECONDS:
            line = f"{label}: {number} of {total}, {now - start:.0f} s"
            print(line, file=sys.stderr)  # noqa: T201
            last_line = now
