"""Tables of time and memory, with ratios and shares computed for each row."""

from collections.abc import Iterator, Sequence
from typing import Any

from pandas import DataFrame, Series

from ablations.attention.base import EVALUATIONS
from reports.cost_tables import added
from reports.order import rank

PANELS = 4  # shapes beside each other in a picture
WAYS = (*EVALUATIONS, "compiled")
FIGURES = [
    "bytes",
    "bound_share",
    "multiply_forward",
    *(
        f"{way}_{what}"
        for way in WAYS
        for what in ("forward", "forward_iqr", "step", "step_iqr")
    ),
    *(
        f"{evaluation}_{what}"
        for evaluation in EVALUATIONS
        for what in ("peak", "kept", "macs")
    ),
]
TEXTS = ["image", "load", "commit", *(f"{way}_problem" for way in WAYS)]
MODEL_FIGURES = [
    "macs",
    "forward",
    "forward_iqr",
    "step",
    "step_iqr",
    "peak",
    "bare_forward",
    "bare_step",
]


def bench_table(rows: Sequence[dict[str, Any]]) -> DataFrame:
    """Add the speed-up of fast over direct, and memory kept as a share of the input.

    What was not measured is missing. Blocks are in the order of the registry.
    """
    table = with_columns(in_order(rows), FIGURES)
    for part in ("forward", "step"):
        table[f"{part}_ratio"] = table[f"direct_{part}"] / table[f"fast_{part}"]
        table[f"compiled_{part}_ratio"] = table[f"compiled_{part}"] / table[f"fast_{part}"]
    for evaluation in EVALUATIONS:
        table[f"{evaluation}_kept_share"] = table[f"{evaluation}_kept"] / (
            table["bytes"] / 3
        )
    return table


def in_order(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: rank("block", row["block"]))


def with_columns(rows: Sequence[dict[str, Any]], figures: Sequence[str]) -> DataFrame:
    """A frame that has these columns even if no row does."""
    table = DataFrame(rows)
    for name in figures:
        if name not in table:
            table[name] = float("nan")
    return table


def stage_table(numbers: DataFrame) -> DataFrame:
    """A row for each block; the figures of each stage are columns, such as 2_fast_step."""
    rows: dict[str, dict[str, Any]] = {}
    for row in numbers.to_dict("records"):
        figures = {f"{row['stage']}_{name}": row[name] for name in STAGE_FIGURES}
        rows.setdefault(row["block"], {"block": row["block"]}).update(figures)
    return DataFrame([*rows.values()])


STAGE_FIGURES = ("fast_forward", "fast_step", "step_ratio", "compiled_step")


def panels(numbers: DataFrame) -> Iterator[DataFrame]:
    """The rows of a few shapes at a time, as many as a picture has room for."""
    keys = list(dict.fromkeys(zip(numbers["shape"], numbers["dtype"], strict=True)))
    of_row = Series(list(zip(numbers["shape"], numbers["dtype"], strict=True)))
    for start in range(0, len(keys), PANELS):
        yield numbers[of_row.isin(keys[start : start + PANELS]).to_numpy()]


def bench_model_table(rows: Sequence[dict[str, Any]]) -> DataFrame:
    """Add what each row has more than the bare model: MACs, and the others as ratios.

    Times are compared with those that the bare model had in the same rounds.
    """
    bare, *others = rows
    table = with_columns([bare, *in_order(others)], MODEL_FIGURES)
    macs = [added(value, bare["macs"]) for value in table["macs"]]
    table.insert([*table].index("macs") + 1, "added_macs", macs)
    for name in ("forward", "step"):
        table[f"{name}_ratio"] = table[name] / table[f"bare_{name}"]
    table["peak_ratio"] = table["peak"] / table["peak"].iloc[0]
    return table
