"""Tables in LaTeX, with booktabs."""

import re
from collections.abc import Iterable

from ablations.errors import visible
from reports.page import Align, Table
from reports.write.cells import header_cells, rows

ALIGN: dict[Align, str] = {"left": "l", "right": "r", "paragraph": "p{70mm}"}

SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
SPECIAL |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
SPECIAL |= {"±": r"$\pm$", "–": "--"}
SIGNS = re.compile("|".join(map(re.escape, SPECIAL)))


def table(content: Table) -> str:
    """A tabular, in a table environment if it has a caption."""
    if not content.caption:
        return "\n".join(tabular(content)) + "\n"
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{escaped(content.caption)}}}"]
    lines += tabular(content)
    lines += [rf"\par\footnotesize {escaped(note)}" for note in content.notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def tabular(content: Table) -> list[str]:
    align = "".join(ALIGN[column.align] for column in content.columns)
    lines = [rf"\begin{{tabular}}{{{align}}}", r"\toprule", line(header_cells(content))]
    return [
        *lines,
        r"\midrule",
        *map(line, rows(content)),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def line(cells: Iterable[str]) -> str:
    """One row; a leading `[` or `*` would be an option of the line break before it."""
    row = " & ".join(map(escaped, cells)) + r" \\"
    return "{}" + row if row[0] in "[*" else row


def escaped(text: object) -> str:
    """Text that LaTeX sets as it is."""
    return SIGNS.sub(lambda sign: SPECIAL[sign[0]], visible(text))
