"""Tables of time and memory, with what follows from the numbers of each row."""

from collections.abc import Sequence
from typing import Any

from pandas import DataFrame

from ablations.attention.base import EVALUATIONS
from reports.cost_tables import added


def bench_table(rows: Sequence[dict[str, Any]]) -> DataFrame:
    """With the gain of fast over direct in time, and memory as shares of x."""
    table = DataFrame(rows)
    table["forward_ratio"] = table["direct_forward"] / table["fast_forward"]
    table["step_ratio"] = table["direct_step"] / table["fast_step"]
    if "compiled_step" in table:
        for what in ("forward", "step"):
            table[f"compiled_{what}_ratio"] = (
                table[f"compiled_{what}"] / table[f"fast_{what}"]
            )
    for evaluation in EVALUATIONS:
        table[f"{evaluation}_kept_share"] = table[f"{evaluation}_kept"] / (
            table["bytes"] / 3
        )
    return table


def bench_model_table(rows: Sequence[dict[str, Any]]) -> DataFrame:
    """With what each row's operations add to the first's."""
    table = DataFrame(rows)
    macs = [added(row["macs"], rows[0]["macs"]) for row in rows]
    table.insert([*table].index("macs") + 1, "added_macs", macs)
    return table
