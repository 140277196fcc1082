"""What people see in a terminal: tables that fit its width, and progress."""

import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from pandas import DataFrame
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table

from ablations.errors import printable
from reports.columns import Column
from reports.render import LEFT, rendered
from reports.sheets import Sheet

Item = TypeVar("Item")

WIDTH = 100  # of what is not a terminal and has no COLUMNS
WIDEST = 10_000  # with --wide
SECONDS = 10  # between lines of progress where there is no terminal


def show(sheets: Iterable[Sheet], wide: bool) -> None:
    """Print tables; wide: every column, whatever the width of the terminal."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns
    console = Console(width=WIDEST if wide else width, highlight=False, emoji=False)
    for sheet in sheets:
        columns = sheet.columns if wide else fitting(sheet, width)
        if sheet.caption:
            console.print(f"\n[bold]{escape(sheet.caption)}[/bold]")
        console.print(as_rich(sheet.table, columns, plain=not console.is_terminal))
        if len(columns) < len(sheet.columns):
            console.print("More columns: --wide")
        for note in sheet.notes:
            console.print(escape(note))


def fitting(sheet: Sheet, width: int) -> Sequence[Column]:
    """The first columns that fit, at least one."""
    columns = sheet.short or sheet.columns
    cells = rendered(sheet.table, columns)
    room = width
    for number, column in enumerate(columns):
        words = [*column.header.split(), *cells[column.header]]
        room -= max(map(len, words)) + 3  # two blanks and a rule
        if room < 1 and number:
            return columns[:number]
    return columns


def as_rich(table: DataFrame, columns: Sequence[Column], plain: bool) -> Table:
    """Plain tables are Markdown."""
    shown = Table(box=box.MARKDOWN if plain else box.SIMPLE_HEAD)
    for column in columns:
        left = column.show in LEFT
        shown.add_column(escape(column.header), justify="left" if left else "right")
    for row in rendered(table, columns).to_numpy().tolist():
        shown.add_row(
            *(
                escape(printable(cell.replace("|", "\\|") if plain else cell))
                for cell in row
            )
        )
    return shown


def progress(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Hand on items; meanwhile a bar on stderr, or now and then a line if no terminal."""
    if sys.stderr.isatty():
        columns = ("{task.description}", BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
            yield from bar.track(items, total, description=what)
        return
    begun = said = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        if (now := time.monotonic()) - said > SECONDS:
            print(f"{what}: {number} of {total}, {now - begun:.0f} s", file=sys.stderr)  # noqa: T201
            said = now
