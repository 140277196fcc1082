"""The columns of tables in a terminal: most telling first, under headers of their own."""

from ablations.complexity.conventions import Convention
from reports.columns import (
    BLOCK,
    Column,
    count,
    in_mega,
    millions,
    milliseconds,
    prefix,
    share,
    text,
    times,
    whole_percent,
)

VERDICT_COUNTS = [
    Column("table", "Table", text),
    Column("cells", "Cells", count),
    Column("exact to the printed digit", "Exact", count),
    Column("convention", "Convention", count),
    Column("variant", "Variant", count),
    Column("copied from a README", "Copied", count),
    Column("undetermined", "Open", count),
]
BENCH = [
    BLOCK,
    Column("shape", "Shape", text),
    Column("dtype", "Type", text),
    Column("fast_forward", "Forward fast (ms)", milliseconds),
    Column("forward_ratio", "faster", times),
    Column("fast_step", "Step fast (ms)", milliseconds),
    Column("step_ratio", "faster ", times),
    Column("fast_kept_share", "Kept fast (% of x)", whole_percent),
    Column("direct_kept_share", "direct (% of x)", whole_percent),
    Column("direct_forward", "Forward direct (ms)", milliseconds),
    Column("direct_step", "Step direct (ms)", milliseconds),
]


def added_cost_columns(convention: Convention) -> list[Column]:
    """Of a table of blocks in a model."""
    unit, show = prefix(convention), in_mega(convention)
    return [
        BLOCK,
        Column("params", "Params (M)", millions),
        Column("added_params_share", "added", share),
        Column("direct", f"{convention.operation}s as published{unit}", show),
        Column("added_direct_share", "added ", share),
        Column("fast", f"as run{unit}", show),
        Column("added_fast_share", "added  ", share),
    ]


def cost_columns(convention: Convention) -> list[Column]:
    """Of a table of blocks alone."""
    unit, show = prefix(convention), in_mega(convention)
    return [
        BLOCK,
        Column("params", "Params", count),
        Column("direct", f"{convention.operation}s as published{unit}", show),
        Column("fast", f"as run{unit}", show),
    ]
