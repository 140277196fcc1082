"""The columns of every table: which number, under which header, in which unit."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd

from ablations.attention import BLOCKS
from ablations.complexity.conventions import Convention

Show = Callable[[Any], str]


class Column(NamedTuple):
    """A column of a table of numbers, and how a reader sees it."""

    name: str
    header: str
    show: Show


def either(show: Show) -> Show:
    """A dash if a number is missing; words in its place stay."""

    def shown(value: Any) -> str:
        if isinstance(value, str):
            return value
        return "–" if pd.isna(value) else show(value)

    return shown


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
ratio = either(lambda value: f"{value:.2f}")
times = either(lambda value: f"{value:.1f}x")
megabytes = scaled(1e6, 1)
probability = either(lambda value: f"{value:.3g}")


def text(value: Any) -> str:
    return str(value)


def prose(value: Any) -> str:
    """Text that is too long for one line of a printed page."""
    return str(value)


def label(block: str) -> str:
    """A block's name in papers; a user's own block by its whole name."""
    return BLOCKS[block].label if block in BLOCKS else block


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
]
EVALUATION = Column("evaluation", "Evaluation", text)


def time_column(table: pd.DataFrame, on_cpu: bool) -> Column:
    """Seconds of the device if every row has them, else wall clock, and which it is."""
    if table["compute_seconds"].isna().any():
        return Column("train_seconds", "Train (wall s)", seconds)
    kind = "CPU" if on_cpu else "device"
    return Column("compute_seconds", f"Train ({kind} s)", seconds)


def cost_columns(convention: Convention) -> list[Column]:
    """Of a table of blocks alone."""
    header, show = (
        convention.operation + "s as {}" + prefix(convention),
        in_mega(convention),
    )
    return [
        BLOCK,
        Column("params", "Params", count),
        Column("direct", header.format("published"), show),
        Column("fast", header.format("run"), show),
        Column("uncounted", "Operators without count", text),
    ]


def added_cost_columns(convention: Convention) -> list[Column]:
    """Of a table of blocks in a model."""
    unit, show, signed = prefix(convention), in_mega(convention), in_mega(convention, "+")
    return [
        BLOCK,
        Column("params", "Params (M)", millions),
        Column("added_params_share", "added", share),
        Column("direct", f"{convention.operation}s as published{unit}", show),
        Column("added_direct", f"added{unit}", signed),
        Column("added_direct_share", "share", share),
        Column("fast", f"as run{unit}", show),
        Column("added_fast", f"added{unit} ", signed),
        Column("added_fast_share", "share ", share),
    ]


def survey_columns(convention: Convention) -> list[Column]:
    named = [Column(name, name.capitalize(), text) for name in ("model", "encoder")]
    problem = Column("problem", "Does not fit", either(text))
    return [*named, *added_cost_columns(convention), problem]


def prefix(convention: Convention) -> str:
    return " (M)" if convention.kilo == 1000 else " (1024²)"


def in_mega(convention: Convention, sign: str = "") -> Show:
    return scaled(convention.kilo**2, 3, sign)


def in_giga(convention: Convention) -> Show:
    return scaled(convention.kilo**3, 3)


scientific = either(lambda value: f"{value:.6g}")
GROWTH = [
    BLOCK,
    EVALUATION,
    Column("constant", "a", scientific),
    Column("linear", "b", scientific),
    Column("quadratic", "c", scientific),
]
CROSSOVERS = [
    EVALUATION,
    Column("dearer", "Block", label),
    Column("cheaper", "costs more than", label),
    Column("side", "from side", count),
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
BENCH_COMPILED = [
    Column("compiled_forward", "Compiled direct: forward (ms)", milliseconds),
    Column("compiled_forward_ratio", "times fast's", ratio),
    Column("compiled_step", "step (ms)", milliseconds),
    Column("compiled_step_ratio", "times fast's ", ratio),
]
BENCH_MODEL = [
    BLOCK,
    EVALUATION,
    Column("macs", "MACs (M)", millions),
    Column("added_macs", "added (M)", added_millions),
    Column("step", "Step (ms)", milliseconds),
    Column("step_iqr", "IQR", milliseconds),
    Column("peak", "Peak (MB)", megabytes),
]
