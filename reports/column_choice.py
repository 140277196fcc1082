"""Which columns of a table are shown: those that a user names, or those that fit."""

from collections.abc import Sequence
from itertools import groupby

from ablations.errors import unknown_name
from reports.column_notes import notes
from reports.page import WIDE, Column, Fold, Part, Table, unfolded
from reports.write.latex import FIT


def with_columns(parts: Sequence[Part], names: Sequence[str]) -> list[Part]:
    """The parts, with only these columns in their tables for papers, in this order.

    Without names they are as before. A table lacks the columns that only others have.
    Raises InputError for a name that no such table knows.
    """
    if not names:
        return list(parts)
    tables = [part for part in unfolded(parts) if isinstance(part, Table) and part.paper]
    known = dict.fromkeys(column.name for table in tables for column in table.columns)
    for name in names:
        if name not in known:
            raise unknown_name("column", name, known)
    return [narrowed(part, names) for part in parts]


def narrowed(part: Part, names: Sequence[str]) -> Part:
    if isinstance(part, Fold):
        return part._replace(parts=[narrowed(inner, names) for inner in part.parts])
    if not isinstance(part, Table) or part.paper is None:
        return part
    by_name = {column.name: column for column in part.columns}
    chosen = [by_name[name] for name in names if name in by_name] or part.columns[:1]
    used = [column.name for column in chosen]
    beside = [(column.tip, column.link, column.upto) for column in chosen]
    used += [name for some in beside for name in some if name]
    numbers = part.numbers[list(dict.fromkeys(used))]
    paper = part.paper._replace(columns=chosen, notes=notes(chosen))
    return part._replace(numbers=numbers, columns=chosen, paper=paper)


def fitting(columns: Sequence[Column], most: int = FIT) -> list[Column]:
    """The most telling columns that fit, in their own order.

    They are taken by rank, and those of a group that have one rank only together, so that
    no interval is cut in half. A range is as wide as two columns.
    """
    chosen, width = list[Column](), 0
    by_rank = sorted(columns, key=lambda column: column.rank)
    for (rank, _), together in groupby(by_rank, unit):
        unit_columns = list(together)
        width += len(unit_columns) + sum(bool(column.upto) for column in unit_columns)
        if rank >= WIDE or width > most:
            break
        chosen += unit_columns
    return [column for column in columns if column in chosen]


def unit(column: Column) -> tuple[int, str]:
    return column.rank, column.group or column.name
