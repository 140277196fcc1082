"""Pages written to files, with every table and picture also in files of their own."""

from collections.abc import Callable
from pathlib import Path

from reports import plots
from reports.page import Page
from reports.write import html, markdown
from reports.write.files import write_tables, write_text

# By the ending of the file.
PAGES: dict[str, Callable[[Page], str]] = {"md": markdown.page, "html": html.page}


def write_page(page: Page, folder: Path, name: str) -> Path:
    """Write the page, its tables and pictures; return the path of name.md.

    Raises InputError if the folder cannot be written.
    """
    write_parts(page, folder)
    for ending, render in PAGES.items():
        write_text(folder / f"{name}.{ending}", render(page))
    return folder / f"{name}.md"


def write_parts(page: Page, folder: Path) -> list[str]:
    """Write only tables and pictures; return lines that name the files."""
    lines = write_tables(page.tables, folder)
    for picture in (one for one in page.pictures if one.name):
        first, *others = plots.save(picture.figure, folder, picture.name)
        lines.append(", ".join([str(first), *(path.suffix for path in others)]))
    return lines
