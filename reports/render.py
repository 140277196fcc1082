"""Tables of numbers to text: Markdown, LaTeX and CSV.

What comes from outside, such as the name of a block, is text in every format: each has one
function that makes it so, which is applied to every cell, header, caption and note.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pandas import DataFrame

from ablations.errors import writing
from reports.columns import Column, label, prose, text

LEFT = (text, prose, label)
LONG = 400  # characters of a cell that is not prose


def visible(text: object, limit: int | None = None) -> str:
    r"""One line in which nothing acts: a line break is shown as \n, ESC as \x1b."""
    line = str(text)
    if limit and len(line) > limit:
        line = f"{line[:limit]}..."
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)


# Of Markdown: what begins a tag or an entity, a link's address, emphasis, code, formulas.
HTML = {"<": "&lt;", "&": "&amp;"}
MARKS = re.compile(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<=\])[(\[:]|[\\`*~$|]|_(?!\w)|(?<!\w)_")


def markdown_text(text: object, limit: int | None = None) -> str:
    """Text that a Markdown page shows as it is."""
    return MARKS.sub(
        lambda found: HTML.get(found[0], "\\" + found[0]), visible(text, limit)
    )


SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
SPECIAL |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
SPECIAL |= {"±": r"$\pm$", "–": "--"}


def latex_text(text: object, limit: int | None = None) -> str:
    """Text that LaTeX sets as it is."""
    signs = "|".join(map(re.escape, SPECIAL))
    return re.sub(signs, lambda found: SPECIAL[found[0]], visible(text, limit))


def csv_text(cell: Any) -> Any:
    """Text that a spreadsheet does not take for a formula; numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    formula = len(cell) > 1 and cell[0] in "=+-@\t\r"
    return visible(f"'{cell}" if formula else cell)


def rendered(table: DataFrame, columns: Sequence[Column]) -> DataFrame:
    """Every cell as text, under the headers, of which two may be equal."""
    cells = [
        [
            visible(column.show(value), None if column.show is prose else LONG)
            for value in table[column.name]
        ]
        for column in columns
    ]
    headers = [visible(column.header, LONG) for column in columns]
    return DataFrame(dict(enumerate(cells))).set_axis(headers, axis="columns")


def markdown(table: DataFrame, columns: Sequence[Column]) -> str:
    cells = rendered(table, columns).map(markdown_text).rename(columns=markdown_text)
    align = ["left" if column.show in LEFT else "right" for column in columns]
    # Without disable_numparse, tabulate would print "+1.60" as 1.6.
    return cells.to_markdown(index=False, disable_numparse=True, colalign=align)


def latex(
    table: DataFrame,
    columns: Sequence[Column],
    caption: str = "",
    notes: Sequence[str] = (),
) -> str:
    """A booktabs tabular; a whole table environment where there is a caption."""
    cells = rendered(table, columns)
    rows = [latex_row(row) for row in cells.to_numpy().tolist()]
    align = "".join(map(latex_alignment, columns))
    lines = [rf"\begin{{tabular}}{{{align}}}", r"\toprule", latex_row(cells.columns)]
    lines += [r"\midrule", *rows, r"\bottomrule", r"\end{tabular}"]
    if caption:
        footnotes = [rf"\par\footnotesize {latex_text(note)}" for note in notes]
        heading = rf"\caption{{{latex_text(caption)}}}"
        lines = [r"\begin{table}", r"\centering", heading, *lines, *footnotes]
        lines.append(r"\end{table}")
    return "\n".join(lines) + "\n"


def latex_row(cells: Iterable[str]) -> str:
    """After the line break before it, `[` or `*` would be an option."""
    row = " & ".join(map(latex_text, cells)) + r" \\"
    return "{}" + row if row[0] in "[*" else row


def latex_alignment(column: Column) -> str:
    if column.show is prose:
        return "p{70mm}"
    return "l" if column.show in LEFT else "r"


def write_table(
    table: DataFrame,
    columns: Sequence[Column],
    folder: Path,
    name: str,
    caption: str = "",
    notes: Sequence[str] = (),
) -> str:
    """Write name.md, name.tex and name.csv (numbers in base units); return the first.

    notes stand below the table; several are a list.
    """
    shown = [markdown_text(note) for note in notes]
    listed = shown if len(shown) < 2 else [f"* {note}" for note in shown]
    parts = [f"**{markdown_text(caption)}**"] if caption else []
    parts.append(markdown(table, columns))
    parts += ["\n".join(listed)] if listed else []
    page = "\n\n".join(parts) + "\n"
    write_text(folder / f"{name}.md", page)
    write_text(folder / f"{name}.tex", latex(table, columns, caption, notes))
    write_csv(table, folder / f"{name}.csv")
    return page


def write_csv(table: DataFrame, path: Path) -> None:
    """Numbers in base units."""
    cells = table.map(csv_text).rename(columns=csv_text)
    write_text(path, cells.to_csv(index=False, quoting=csv.QUOTE_MINIMAL))


def write_text(path: Path, content: str) -> None:
    """Raises UnwritableError."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
