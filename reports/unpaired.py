"""Runs of a setting without any baseline: their scores, and no gain."""

from collections.abc import Sequence

from pandas import DataFrame

from ablations.records import RunRecord
from reports.columns import BLOCK
from reports.comparison import Comparison
from reports.page import Column, Part, Strong, Table, Text
from reports.tables import block_order, runs_table
from reports.units import count, millions, percent

UNPAIRED = [
    BLOCK,
    Column("miou", "mIoU (%)", percent),
    Column("miou_std", "± std", percent),
    Column("seeds", "Seeds", count),
    Column("params", "Params (M)", millions),
    Column("macs", "MACs as run (M)", millions),
]


def unpaired_parts(comparison: Comparison, name: str = "") -> list[Part]:
    """For a setting in which no run has a baseline."""
    if not comparison.orphans:
        return []
    return [
        Text(
            Strong("No baseline:"),
            " there are scores but no gains, and blocks may have different seeds. A run "
            "with block none and the same seed is the baseline of a run.",
        ),
        Table(unpaired_numbers(comparison.orphans), UNPAIRED, name),
    ]


def unpaired_numbers(records: Sequence[RunRecord]) -> DataFrame:
    """One row per block: mean and sample standard deviation of mIoU over its seeds."""
    runs = runs_table(records)
    groups = {str(block): group for block, group in runs.groupby("block")}
    return DataFrame(
        {
            "block": block,
            "miou": groups[block]["miou"].mean(),
            "miou_std": groups[block]["miou"].std(),
            "seeds": len(groups[block]),
            "params": groups[block]["params"].iloc[0],
            "macs": groups[block]["macs"].iloc[0],
        }
        for block in block_order(groups)
    )
