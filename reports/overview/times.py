"""What each block costs in time and memory: the figures of `ablate bench-model`."""

from pathlib import Path

import pandas as pd
from pandas import DataFrame

from ablations.errors import InputError, first_line
from reports.page import Column
from reports.units import ratio

FIGURES = ["forward_ratio", "step_ratio", "peak_ratio"]
GROUP = "Times bare"
COLUMNS = [
    Column("forward_ratio", "image", ratio, group=GROUP),
    Column("step_ratio", "step", ratio, group=GROUP),
    Column("peak_ratio", "peak", ratio, group=GROUP),
]


def read_times(path: Path) -> DataFrame:
    """Of each block, evaluated fast: block and FIGURES, multiples of the bare model's.

    Raises InputError for what is not the CSV file of `ablate bench-model`.
    """
    try:
        table = pd.read_csv(path, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"--times {path}: {first_line(error)}") from None
    missing = [name for name in ("block", "evaluation", *FIGURES) if name not in table]
    if missing:
        raise InputError(
            f"--times {path}: no column {', '.join(missing)}; the CSV file of `ablate "
            "bench-model` is needed"
        )
    for name in FIGURES:
        table[name] = pd.to_numeric(table[name], errors="coerce")
    chosen = (table["block"] == "none") | (table["evaluation"] == "fast")
    return table.loc[chosen, ["block", *FIGURES]].drop_duplicates("block")


def how_to_read(path: Path) -> str:
    return (
        "Times bare is how many times longer one image and one step of training take, and "
        f"how many times more memory the step, than without a block: see {path.stem}."
    )
