"""Tables written to files, one in each format."""

from collections.abc import Callable, Iterable
from pathlib import Path

from ablations.errors import writing
from reports.page import Table
from reports.write import csv, latex, markdown

# By the ending of the file.
TABLES: dict[str, Callable[[Table], str]] = {
    "md": markdown.table,
    "tex": latex.table,
    "csv": csv.table,
}


def write_tables(tables: Iterable[Table], folder: Path) -> list[str]:
    """Write the tables that have a name; return a line per table that names its files."""
    named = [table for table in tables if table.name]
    for table in named:
        for ending, render in TABLES.items():
            write_text(folder / f"{table.name}.{ending}", render(table))
    endings = ", .".join(TABLES)
    return [f"{folder / table.name}.{endings}" for table in named]


def write_text(path: Path, content: str) -> None:
    """Raises InputError if the folder cannot be written."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
