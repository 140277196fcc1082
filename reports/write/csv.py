"""Numbers in base units, for other programs."""

import csv
from typing import Any

from pandas import DataFrame

from ablations.errors import visible
from reports.page import Table


def table(content: Table) -> str:
    """The whole frame, including what no column shows."""
    return frame(content.numbers)


def frame(numbers: DataFrame) -> str:
    cells = numbers.map(harmless).rename(columns=harmless)
    return cells.to_csv(index=False, quoting=csv.QUOTE_MINIMAL)


def harmless(cell: Any) -> Any:
    """Quote text that a spreadsheet would take for a formula; numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    formula = len(cell) > 1 and cell[0] in "=+-@\t\r"
    return visible(f"'{cell}" if formula else cell)
