"""Tables of numbers to text: Markdown, LaTeX and CSV."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from pandas import DataFrame

from ablations.errors import InputError
from reports.columns import Column, label, prose, text

LEFT = (text, prose, label)


def rendered(table: DataFrame, columns: Sequence[Column]) -> DataFrame:
    """Every cell as text, under the headers."""
    return DataFrame(
        {
            column.header: [column.show(value) for value in table[column.name]]
            for column in columns
        }
    )


def markdown(table: DataFrame, columns: Sequence[Column]) -> str:
    cells = rendered(table, columns).map(lambda cell: cell.replace("|", "\\|"))
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
    rows = [
        " & ".join(map(latex_escape, row)) + r" \\" for row in cells.to_numpy().tolist()
    ]
    head = " & ".join(map(latex_escape, cells.columns)) + r" \\"
    align = "".join(map(latex_alignment, columns))
    lines = [rf"\begin{{tabular}}{{{align}}}", r"\toprule", head, r"\midrule", *rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    if caption:
        footnotes = [rf"\par\footnotesize {latex_escape(note)}" for note in notes]
        heading = rf"\caption{{{latex_escape(caption)}}}"
        lines = [r"\begin{table}", r"\centering", heading, *lines, *footnotes]
        lines.append(r"\end{table}")
    return "\n".join(lines) + "\n"


def latex_alignment(column: Column) -> str:
    if column.show is prose:
        return "p{70mm}"
    return "l" if column.show in LEFT else "r"


SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
SPECIAL |= {"±": r"$\pm$", "–": "--"}


def latex_escape(cell: str) -> str:
    return re.sub("|".join(map(re.escape, SPECIAL)), lambda match: SPECIAL[match[0]], cell)


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
    listed = notes if len(notes) < 2 else [f"* {note}" for note in notes]
    parts = [f"**{caption}**"] if caption else []
    parts.append(markdown(table, columns))
    parts += ["\n".join(listed)] if listed else []
    page = "\n\n".join(parts) + "\n"
    write_text(folder / f"{name}.md", page)
    write_text(folder / f"{name}.tex", latex(table, columns, caption, notes))
    write_text(folder / f"{name}.csv", table.to_csv(index=False, quoting=csv.QUOTE_MINIMAL))
    return page


def write_text(path: Path, content: str) -> None:
    """Raises InputError where the folder cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
