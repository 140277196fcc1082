"""Records as CSV: numbers as Python writes them; texts that are one line and no formula.

A text is marked by an apostrophe if a spreadsheet would calculate it, if it is empty, or if
it holds control characters, which are then escaped as in JSON.
"""

import json
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from ablations.errors import InputError

QUOTE, ESCAPED = "'", "'\""
MARKED = ("=", "+", "-", "@", QUOTE)


def content(rows: Sequence[dict[str, Any]]) -> bytes:
    table = pd.DataFrame([{key: cell(row[key]) for key in row} for row in rows], dtype=str)
    return table.to_csv(index=False, lineterminator="\n").encode()


def rows(path: Path, texts: set[str]) -> Iterator[dict[str, Any]]:
    """The rows; texts names the columns that hold text. Raises InputError."""
    try:
        text = path.read_bytes().decode()
        table = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:  # pandas' errors are ValueErrors
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: truncated or not CSV ({reason})") from None
    names = [str(name) for name in table.columns]
    for values in table.itertuples(index=False, name=None):
        cells = zip(names, values, strict=True)
        yield {name: value(text, name in texts) for name, text in cells}


def cell(value: Any) -> str:
    """A text, JSON of a number or a truth value, or nothing for a missing one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value)
    if not value.isprintable():
        return QUOTE + json.dumps(value)
    return QUOTE + value if value == "" or value.startswith(MARKED) else value


def value(text: str, is_text: bool) -> Any:
    """What cell wrote; a cell that is no number stays a text, which no record accepts."""
    if text == "":
        return None
    if is_text and not text.startswith(ESCAPED):
        return text.removeprefix(QUOTE)
    try:
        return json.loads(text.removeprefix(QUOTE))
    except (ValueError, RecursionError):
        return text
