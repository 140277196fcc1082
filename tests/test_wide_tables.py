"""Ranges are one column, and a page leaves out what only a wide screen has room for."""

import pytest
from pandas import DataFrame

from ablations.run_config import RunConfig
from reports.comparison import comparisons
from reports.page import WIDE, Column, Table
from reports.section import comparison_table, control_tables
from reports.units import points
from reports.write import csv, latex, markdown
from tests.test_controls_compared import GAINS, runs_with

NUMBERS = DataFrame(
    {"low": [-0.012, float("nan"), 0.02], "high": [0.03, float("nan"), 0.02]}
)
RANGE = Column("low", "95 %", points, upto="high")


def test_a_range_is_one_cell() -> None:
    table = Table(NUMBERS, [RANGE])
    for write in (markdown.table, latex.table):
        assert "-1.20 to +3.00" in write(table)
    assert "–" in markdown.table(table)
    assert "– to" not in markdown.table(table)
    assert "+2.00 to" not in markdown.table(table)  # both ends are equal
    assert csv.table(table).splitlines()[:2] == ["low,high", "-0.012,0.03"]


@pytest.mark.parametrize(("columns", "shown"), [(12, 12), (13, 3)])
def test_a_page_shows_wide_columns_only_if_it_has_room(columns: int, shown: int) -> None:
    ranks = [0, 1, 0] + [WIDE] * (columns - 3)
    table = Table(
        DataFrame({"low": [0.1]}),
        [Column("low", "Low", points, rank=rank) for rank in ranks],
    )
    header = markdown.table(table).splitlines()[0]
    assert header.count("Low") == shown


def test_a_comparison_shows_seven_columns_that_fit_a_page() -> None:
    [comparison] = comparisons(runs_with(GAINS, RunConfig()))
    table = comparison_table(comparison, [])
    names = [column.header for column in table.columns if column.rank < WIDE]
    assert names == [
        "Block", "mIoU (%)", "Gain", "95 %", "p (Holm)", "Params added", "MACs added",
    ]  # fmt: skip
    lines = markdown.table(table).splitlines()
    assert max(map(len, lines)) <= 120
    for column in table.columns:
        assert {column.name, column.upto or column.name} <= {*table.numbers.columns}


def test_every_control_has_a_row_beside_its_block() -> None:
    [comparison] = comparisons(reversed(runs_with(GAINS, RunConfig())))
    _, table = control_tables(comparison, "comparison")
    assert isinstance(table, Table)
    assert table.name == "comparison-controls"
    lines = markdown.table(table).splitlines()[2:]
    cells = [[cell.strip() for cell in line.split("|")[1:4]] for line in lines]
    assert cells == [
        ["SE", "Same params as SE", "+0.62"],
        ["SE", "Same MACs as SE", "+1.07"],
    ]
    [without] = comparisons(runs_with({"gc": [0.1]}, RunConfig()))
    assert control_tables(without) == []
