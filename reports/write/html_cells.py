"""The cells of a column in HTML: their text, what they sort by, and where they lead."""

from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pandas as pd

from ablations.errors import visible
from reports.page import Column, Table
from reports.write.cells import cells


class Cell(NamedTuple):
    text: str
    rank: int
    tip: str
    link: str


class Cells(NamedTuple):
    """A column; ranks, tips and links are empty if no cell has any."""

    texts: Sequence[str]
    ranks: Sequence[int]  # of the numbers, from 1; 0: not a number
    tips: Sequence[str]
    links: Sequence[str]


def cells_of(table: Table, column: Column) -> Cells:
    """A range sorts by its lower end."""
    numbers = table.numbers
    return Cells(
        cells(table, column),
        ranks(numbers[column.name]),
        [visible(tip) for tip in texts_in(numbers, column.tip)],
        [safe(link) for link in texts_in(numbers, column.link)],
    )


def texts_in(numbers: pd.DataFrame, name: str) -> list[str]:
    """Empty without a name; a missing text is an empty one."""
    values: list[object] = list(numbers[name]) if name else []
    return [value if isinstance(value, str) else "" for value in values]


def ranks(values: Iterable[object]) -> list[int]:
    """Of the numbers themselves, since rounded texts may tie; equal numbers are level."""
    numbers = [float(v) if isinstance(v, Real) else float("nan") for v in values]
    found = pd.Series(numbers, dtype=float).rank(method="dense")
    return [] if found.isna().all() else found.fillna(0).astype(int).tolist()


def safe(address: str) -> str:
    """An address in this page, a file beside it or on the web; empty for any other."""
    quoted = quote(address, safe=":/?#&=%+,~")
    return quoted if urlsplit(quoted).scheme in ("", "http", "https") else ""


def as_rows(columns: Sequence[Cells]) -> list[Sequence[Cell]]:
    blank = [""] * max(len(column.texts) for column in columns)
    zero = [0] * len(blank)
    found = [
        map(Cell, one.texts, one.ranks or zero, one.tips or blank, one.links or blank)
        for one in columns
    ]
    return list(zip(*found, strict=True))


def as_data(columns: Sequence[Cells]) -> dict[str, Any]:
    """What tables.js makes rows of."""
    return {
        "rows": len(columns[0].texts),
        "columns": [
            {
                "text": encoded(column.texts),
                "order": column.ranks,
                "tip": encoded(column.tips),
                "link": encoded(column.links),
            }
            for column in columns
        ],
    }


def encoded(texts: Sequence[str]) -> dict[str, list[Any]] | None:
    """The different texts, and which of them each cell has if some are equal."""
    places: dict[str, int] = {}
    codes = [places.setdefault(text, len(places)) for text in texts]
    if not any(places):
        return None
    return {"texts": list(places), "codes": codes if len(places) < len(texts) else []}
