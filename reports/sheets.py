"""A table with all that belongs to it: what a terminal shows and what files keep."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pandas import DataFrame

from reports.columns import Column
from reports.render import write_table


class Sheet(NamedTuple):
    """Numbers, the columns that files keep, and the few that fit a terminal."""

    name: str  # of the files
    table: DataFrame
    columns: Sequence[Column]
    caption: str = ""
    notes: Sequence[str] = ()
    short: Sequence[Column] = ()  # most telling first; none: those that files keep


def write_sheet(sheet: Sheet, folder: Path) -> str:
    """Write name.md, name.tex and name.csv; return the first's text."""
    name, table, columns, caption, notes, _ = sheet
    return write_table(table, columns, folder, name, caption, notes)


def keep(sheets: Iterable[Sheet], folder: Path) -> list[str]:
    """Write every sheet; say which files there are now, one line a sheet."""
    lines = []
    for sheet in sheets:
        write_sheet(sheet, folder)
        lines.append(f"{folder / sheet.name}.md, .tex, .csv")
    return lines
