"""What the paper prints, cell by cell: reports/paper_results.csv.

The tables were read by eye from screenshots of the paper in public slides; its note column
says what is inferred. Table 6, the ablation, was not available.
"""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[1] / "paper_results.csv"
COSTS = ("Flops", "mPara")  # the paper's column names

Key = tuple[int, int]  # table and row, from 1


class PrintedRow(NamedTuple):
    """One row of a table, its cells by the paper's column names, as printed."""

    method: str
    backbone: str
    size: str  # of the input, HxW
    pretrained: str
    cells: dict[str, str]

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.method, self.backbone) if part)


@cache
def printed_rows() -> dict[Key, PrintedRow]:
    """Every row of every table, in the paper's order."""
    rows: dict[Key, PrintedRow] = {}
    with SOURCE.open(newline="") as file:
        for line in csv.DictReader(file):
            key = int(line["table"]), int(line["row"])
            size = "x".join(filter(None, (line["input_h"], line["input_w"])))
            head = (line["method"], line["backbone"], size, line["pretrained"])
            cells = rows.setdefault(key, PrintedRow(*head, {})).cells
            cells[line["metric"]] = line["printed"]
    return rows


def printed_table(number: int) -> dict[Key, PrintedRow]:
    return {key: row for key, row in printed_rows().items() if key[0] == number}
