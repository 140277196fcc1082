"""Numbers to text: the only module that rounds, scales and writes units."""

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pandas import DataFrame

from ablations.attention import BLOCKS
from ablations.errors import InputError

Show = Callable[[Any], str]


class Column(NamedTuple):
    """A column of a table of numbers, and how a reader sees it."""

    name: str
    header: str
    show: Show


def either(show: Show) -> Show:
    """A dash where a number is missing."""
    return lambda value: "–" if pd.isna(value) else show(value)


def scaled(factor: float, digits: int, sign: str = "") -> Show:
    return either(lambda value: f"{value / factor:{sign},.{digits}f}")


percent = scaled(0.01, 2)
points = scaled(0.01, 2, sign="+")
whole_percent = scaled(0.01, 1)
share = either(lambda value: f"{100 * value:+.2f} %")
millions = scaled(1e6, 3)
added_millions = scaled(1e6, 3, sign="+")
count = either(lambda value: f"{value:,.0f}")
seconds = scaled(1, 1)
milliseconds = scaled(1e-3, 2)
times = either(lambda value: f"{value:.1f}x")
megabytes = scaled(1e6, 1)
probability = either(lambda value: f"{value:.3g}")


def text(value: Any) -> str:
    return str(value)


def label(block: str) -> str:
    """A block's name in papers; a user's own block by its class."""
    return BLOCKS[block].label if block in BLOCKS else block.rpartition(":")[2]


BLOCK = Column("block", "Block", label)
COMPARISON = [
    BLOCK,
    Column("miou", "mIoU (%)", percent),
    Column("miou_std", "± std", percent),
    Column("gain", "Gain", points),
    Column("gain_low", "95 % from", points),
    Column("gain_high", "to", points),
    Column("gain_p", "p", probability),
    Column("seeds", "Seeds", count),
    Column("params", "Params (M)", millions),
    Column("added_params_share", "added", share),
    Column("macs_direct", "MACs as published (M)", millions),
    Column("added_macs_direct_share", "added ", share),
    Column("macs", "as run (M)", millions),
    Column("added_macs_share", "added  ", share),
    Column("train_seconds", "Train (s)", seconds),
]
BLOCK_COST = [
    BLOCK,
    Column("params", "Params", count),
    Column("macs_direct", "MACs as published (M)", millions),
    Column("macs_fast", "as run (M)", millions),
    Column("uncounted", "Operators without count", text),
]
MODEL_COST = [
    BLOCK,
    Column("params", "Params (M)", millions),
    Column("added_params_share", "added", share),
    Column("macs_direct", "MACs as published (M)", millions),
    Column("added_macs_direct", "added (M)", added_millions),
    Column("added_macs_direct_share", "share", share),
    Column("macs_fast", "as run (M)", millions),
    Column("added_macs_fast", "added (M) ", added_millions),
    Column("added_macs_fast_share", "share ", share),
]
WHERE = [
    Column("path", "Module", text),
    Column("channels", "Channels", count),
    Column("stride", "Stride", count),
    Column("params", "Params", count),
    Column("macs", "MACs (M)", millions),
]


BENCH = [
    BLOCK,
    Column("shape", "Shape", text),
    Column("dtype", "Type", text),
    Column("direct_forward", "Forward direct (ms)", milliseconds),
    Column("direct_forward_iqr", "IQR", milliseconds),
    Column("fast_forward", "fast (ms)", milliseconds),
    Column("fast_forward_iqr", "IQR ", milliseconds),
    Column("forward_ratio", "faster", times),
    Column("bound_share", "of bound (%)", whole_percent),
    Column("direct_step", "Step direct (ms)", milliseconds),
    Column("direct_step_iqr", "IQR  ", milliseconds),
    Column("fast_step", "fast (ms) ", milliseconds),
    Column("fast_step_iqr", "IQR   ", milliseconds),
    Column("step_ratio", "faster ", times),
    Column("direct_peak", "Peak direct (MB)", megabytes),
    Column("fast_peak", "fast (MB)", megabytes),
    Column("direct_kept_share", "Kept direct (% of x)", whole_percent),
    Column("fast_kept_share", "fast (% of x)", whole_percent),
    Column("direct_macs", "MACs direct (M)", millions),
    Column("fast_macs", "fast (M)", millions),
    Column("bytes", "Least bytes (MB)", megabytes),
]
BENCH_MODEL = [
    BLOCK,
    Column("evaluation", "Evaluation", text),
    Column("macs", "MACs (M)", millions),
    Column("added_macs", "added (M)", added_millions),
    Column("step", "Step (ms)", milliseconds),
    Column("step_iqr", "IQR", milliseconds),
    Column("peak", "Peak (MB)", megabytes),
]


def rendered(table: DataFrame, columns: Sequence[Column]) -> DataFrame:
    """Every cell as text, under the headers."""
    return DataFrame(
        {
            column.header: [column.show(value) for value in table[column.name]]
            for column in columns
        }
    )


def markdown(table: DataFrame, columns: Sequence[Column]) -> str:
    cells = rendered(table, columns).map(lambda cell: cell.replace("|", "\\|"))
    align = ["left" if column.show in (text, label) else "right" for column in columns]
    # Without disable_numparse, tabulate would print "+1.60" as 1.6.
    return cells.to_markdown(index=False, disable_numparse=True, colalign=align)


def latex(table: DataFrame, columns: Sequence[Column]) -> str:
    """A booktabs tabular."""
    cells = rendered(table, columns)
    align = "".join("l" if column.show in (text, label) else "r" for column in columns)
    rows = [
        " & ".join(map(latex_escape, row)) + r" \\" for row in cells.to_numpy().tolist()
    ]
    head = " & ".join(map(latex_escape, cells.columns)) + r" \\"
    lines = [rf"\begin{{tabular}}{{{align}}}", r"\toprule", head, r"\midrule", *rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
SPECIAL |= {"±": r"$\pm$", "–": "--"}


def latex_escape(cell: str) -> str:
    return re.sub("|".join(map(re.escape, SPECIAL)), lambda match: SPECIAL[match[0]], cell)


def write_table(
    table: DataFrame, columns: Sequence[Column], folder: Path, name: str
) -> str:
    """Write name.md, name.tex and name.csv (numbers in base units); return the first."""
    page = markdown(table, columns) + "\n"
    write_text(folder / f"{name}.md", page)
    write_text(folder / f"{name}.tex", latex(table, columns))
    write_text(folder / f"{name}.csv", table.to_csv(index=False, quoting=csv.QUOTE_MINIMAL))
    return page


def write_text(path: Path, content: str) -> None:
    """Raises InputError where the folder cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
