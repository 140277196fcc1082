"""Tables in LaTeX, as papers have them: booktabs, siunitx, at most a text's width.

Packages that every distribution holds, since a table travels into somebody's paper.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from ablations.errors import visible
from reports.page import Column, Table
from reports.write.cells import rows, shortened
from reports.write.siunitx import SETUP, Numbers, marked, numbers_of

FIT = 7  # columns on the width of a text
NEEDS = r"% Needs \usepackage{booktabs} and \usepackage{siunitx}"
UNICODE = "% Names with letters beyond Latin ones need XeLaTeX or LuaLaTeX, and their font."
LONG_NAME = 30  # characters; longer ones are broken
NARROW = r">{\raggedright\arraybackslash}p{38mm}"
PARAGRAPH = r">{\raggedright\arraybackslash}p{70mm}"
UNIT = re.compile(r"(.+) (\(.+\))")

SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
SPECIAL |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
SPECIAL |= {"±": r"$\pm$", "–": "--", "²": "$^2$", "×": r"$\times$", "…": r"\dots{}"}
SIGNS = re.compile("|".join(map(re.escape, SPECIAL)))


def table(content: Table) -> str:
    """A tabular with its notes, in a table environment if it has a caption."""
    if content.paper:
        columns, caption, notes = content.paper
        content = content._replace(columns=columns, caption=caption, notes=notes)
    lines = [r"\small", r"\setlength{\tabcolsep}{4pt}", SETUP, *tabular(content)]
    lines += note_lines(content.notes)
    if content.caption:
        head = [r"\begin{table}", r"\centering", r"\setlength{\belowcaptionskip}{6pt}"]
        head += [rf"\caption{{{escaped(content.caption)}}}"]
        head += [rf"\label{{tab:{content.name}}}"] if content.name else []
        lines = [*head, *lines, r"\end{table}"]
    else:
        lines = [r"\begingroup", *lines, r"\endgroup"]
    text = "\n".join(lines) + "\n"
    return "\n".join([NEEDS, *advice(text, len(content.columns)), text])


def advice(text: str, columns: int) -> list[str]:
    """What else whoever includes the table must know."""
    letters = [] if text.isascii() else [UNICODE]
    wide = f"% {columns} columns may be wider than a text: turn it, as a sidewaystable."
    return letters + ([wide] if columns > FIT else [])


def note_lines(notes: Sequence[str]) -> list[str]:
    if not notes:
        return []
    head = r"\par\medskip\begin{minipage}{\linewidth}\footnotesize"
    return [head, *(rf"{escaped(note)}\par" for note in notes), r"\end{minipage}"]


def tabular(content: Table) -> list[str]:
    texts = [list(cells) for cells in zip(*rows(content), strict=True)]
    texts = texts or [[] for _ in content.columns]
    found = [numbers_of(c, cells) for c, cells in zip(content.columns, texts, strict=True)]
    triples = list(zip(content.columns, texts, found, strict=True))
    align = "".join(specification(*triple) for triple in triples)
    body = zip(*(cells_of(*triple) for triple in triples), strict=True)
    units = [numbers.unit if numbers else "" for numbers in found]
    return [
        rf"\begin{{tabular}}{{@{{}}{align}@{{}}}}",
        r"\toprule",
        *head(content.columns, units),
        r"\midrule",
        *map(line, body),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def specification(column: Column, texts: Sequence[str], numbers: Numbers | None) -> str:
    if numbers:
        return numbers.room.specification
    if column.align == "paragraph":
        return PARAGRAPH
    if column.align == "right":
        return "r"
    return NARROW if max(map(len, texts), default=0) > LONG_NAME else "l"


def cells_of(column: Column, texts: Sequence[str], numbers: Numbers | None) -> list[str]:
    """Cells for a tabular; what is no number stands in braces among numbers."""
    if numbers is None:
        return [breakable(text) for text in texts]
    return [
        cell or f"{{{escaped(text)}}}"
        for cell, text in zip(marked(numbers, column), texts, strict=True)
    ]


def head(columns: Sequence[Column], units: Sequence[str]) -> list[str]:
    """The headers; above them those of groups, and names whose unit is below."""
    names = [
        f"{column.header} ({'times' if unit == 'x' else unit})" if unit else column.header
        for column, unit in zip(columns, units, strict=True)
    ]
    pairs = [
        (column.group, name) if column.group else above_and_below(name)
        for column, name in zip(columns, names, strict=True)
    ]
    lower = line(header(below) for _, below in pairs)
    if not any(above for above, _ in pairs):
        return [lower]
    return [*upper(columns, [above for above, _ in pairs]), lower]


def above_and_below(name: str) -> tuple[str, str]:
    """A name and its unit, which may stand below; a name without unit is low."""
    match = UNIT.fullmatch(name)
    return (match[1], match[2]) if match else ("", name)


def upper(columns: Sequence[Column], names: Sequence[str]) -> list[str]:
    """The upper line of headers, and a rule below each group."""
    cells, rules, place = list[str](), list[str](), 0
    for group, members in groupby(columns, lambda column: column.group):
        width = len(list(members))
        if group and width > 1:
            cells.append(rf"\multicolumn{{{width}}}{{c}}{header(group)}")
            rules.append(rf"\cmidrule(lr){{{place + 1}-{place + width}}}")
        else:
            cells += map(header, names[place : place + width])
        place += width
    return [line(cells), *([" ".join(rules)] if rules else [])]


def header(name: str) -> str:
    return f"{{{escaped(shortened(name))}}}"


def line(cells: Iterable[str]) -> str:
    """One row; a leading `[` or `*` would be an option of the line break before it."""
    row = " & ".join(cells) + r" \\"
    return "{}" + row if row[0] in "[*" else row


def breakable(text: str) -> str:
    """Escaped, and broken behind a sign within a long name, such as my_file:MyBlock."""
    if len(text) <= LONG_NAME:
        return escaped(text)
    pieces = re.split(r"(?<=[.:/_,(=-])", text)
    return r"\allowbreak{}".join(map(escaped, pieces))


def escaped(text: object) -> str:
    """Text that LaTeX sets as it is."""
    return SIGNS.sub(lambda sign: SPECIAL[sign[0]], visible(text))
