"""Pages and tables in Markdown, as GitHub shows it."""

import re
from textwrap import TextWrapper
from typing import assert_never
from urllib.parse import quote

from pandas import DataFrame

from ablations.errors import visible
from reports.page import (
    WIDE,
    Chart,
    Code,
    Flat,
    Heading,
    Inline,
    Items,
    Lines,
    Link,
    Page,
    Picture,
    Strong,
    Table,
    Text,
    unfolded,
)
from reports.write.cells import header_cells, rows

# The start of a tag, an entity, a link's address, emphasis, code or a formula.
HTML = {"<": "&lt;", "&": "&amp;"}
MARKS = re.compile(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<=\])[(\[:]|[\\`*~$|]|_(?!\w)|(?<!\w)_")
# What would start a list, a heading or a quotation at the start of a line.
STARTS = re.compile(r" (?=(?:[-+=>#]+|\d+[.)])(?: |$))")
MOST = 12  # columns that a page has room for
FILL = TextWrapper(width=92, break_on_hyphens=False, break_long_words=False)


def page(content: Page) -> str:
    parts = [Heading(content.title, 1), *unfolded(content.parts)]
    return "\n\n".join(text for text in map(part, parts) if text) + "\n"


def part(content: Flat) -> str:
    match content:
        case Heading(text, level):
            return f"{'#' * level} {escaped(text)}"
        case Text():
            return filled(paragraph(content))
        case Items(items):
            return "\n".join(f"* {paragraph(item)}" for item in items)
        case Lines(text):
            return "\n".join(f"    {visible(line)}" for line in text.splitlines())
        case Table():
            return table(content).strip()
        case Chart():
            return ""
        case Picture(name, subject):
            if not name:  # without a file; only the HTML page shows it
                return ""
            return f"![{escaped(subject)}]({quote(name)}.svg)"
    assert_never(content)


def table(content: Table) -> str:
    """The table, with its caption above and its notes below; several notes are a list."""
    notes = [escaped(note) for note in content.notes]
    lines = notes if len(notes) < 2 else [f"* {note}" for note in notes]
    parts = [f"**{escaped(content.caption)}**"] if content.caption else []
    parts.append(grid(narrowed(content)))
    parts += ["\n".join(lines)] if lines else []
    return "\n\n".join(parts) + "\n"


def narrowed(content: Table) -> Table:
    """A table that no page is wide enough for, without its WIDE columns."""
    if len(content.columns) <= MOST:
        return content
    return content._replace(columns=[c for c in content.columns if c.rank < WIDE])


def grid(content: Table) -> str:
    cells = DataFrame([[escaped(cell) for cell in row] for row in rows(content)])
    names = [escaped(header) for header in header_cells(content)]
    align = ["right" if column.align == "right" else "left" for column in content.columns]
    # Without disable_numparse, tabulate would print "+1.60" as 1.6.
    return cells.to_markdown(
        index=False, headers=names, disable_numparse=True, colalign=align
    )


def paragraph(text: Text) -> str:
    return "".join(map(inline, text.parts))


def inline(content: Inline) -> str:
    match content:
        case str():
            return escaped(content)
        case Code(text):
            return code(visible(text))
        case Strong(text):
            return f"**{escaped(text)}**"
        case Link(text, address):
            return f"[{escaped(text)}]({quote(address, safe=':/?#&=%')})"
    assert_never(content)


def code(text: str) -> str:
    """Text between more backticks than it has in a row."""
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{blank}{text}{blank}{ticks}"


def escaped(text: object) -> str:
    """Text that a Markdown page shows as it is."""
    return MARKS.sub(lambda mark: HTML.get(mark[0], "\\" + mark[0]), visible(text))


def filled(line: str) -> str:
    """Wrap a line so that no line starts a list."""
    whole = STARTS.sub("\0", line)
    return FILL.fill(whole).replace("\0", " ")
