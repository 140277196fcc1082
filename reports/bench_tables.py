"""Tables of time and memory, with ratios and shares computed for each row."""

from collections.abc import Sequence
from typing import Any

from pandas import DataFrame

from ablations.attention.base import EVALUATIONS
from reports.cost_tables import added


def bench_table(rows: Sequence[dict[str, Any]]) -> DataFrame:
    """Add the speed-up of fast over direct, and memory kept as a share of the input."""
    table = DataFrame(rows)
    table["forward_ratio"] = table["direct_forward"] / table["fast_forward"]
    table["step_ratio"] = table["direct_step"] / table["fast_step"]
    if "compiled_step" in table:
        for part in ("forward", "step"):
            table[f"compiled_{part}_ratio"] = (
                table[f"compiled_{part}"] / table[f"fast_{part}"]
            )
    for evaluation in EVALUATIONS:
        table[f"{evaluation}_kept_share"] = table[f"{evaluation}_kept"] / (
            table["bytes"] / 3
        )
    return table


def bench_model_table(rows: Sequence[dict[str, Any]]) -> DataFrame:
    """Add added_macs: the MACs of each row minus those of the first."""
    table = DataFrame(rows)
    macs = [added(row["macs"], rows[0]["macs"]) for row in rows]
    table.insert([*table].index("macs") + 1, "added_macs", macs)
    return table
