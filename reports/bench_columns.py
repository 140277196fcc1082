"""The columns of timings; a narrow terminal shows fast rather than direct times."""

from pandas import DataFrame

from reports.columns import BLOCK, EVALUATION
from reports.page import WIDE, Column
from reports.units import (
    added_millions,
    megabytes,
    millions,
    milliseconds,
    ratio,
    times,
    whole_percent,
)


def timings(name: str, header: str) -> list[Column]:
    """Direct and fast times of one thing, their spread, and how they compare."""
    return [
        Column(f"direct_{name}", "direct (ms)", milliseconds, group=header, rank=4),
        Column(f"direct_{name}_iqr", "IQR", milliseconds, group=header, rank=WIDE),
        Column(f"fast_{name}", "fast (ms)", milliseconds, group=header, rank=2),
        Column(f"fast_{name}_iqr", "IQR", milliseconds, group=header, rank=WIDE),
        Column(f"{name}_ratio", "faster", times, group=header, rank=2),
    ]


def spread(name: str, header: str) -> list[Column]:
    """A median, and the distance of its quartiles."""
    return [
        Column(name, "(ms)", milliseconds, group=header),
        Column(f"{name}_iqr", "IQR", milliseconds, group=header, rank=WIDE),
    ]


BENCH = [
    BLOCK,
    Column("shape", "Shape", str, "left"),
    Column("dtype", "Type", str, "left"),
    *timings("forward", "Forward"),
    Column("bound_share", "of bound (%)", whole_percent, group="Forward", rank=WIDE),
    *timings("step", "Step"),
    Column("direct_peak", "direct (MB)", megabytes, group="Peak", rank=WIDE),
    Column("fast_peak", "fast (MB)", megabytes, group="Peak", rank=WIDE),
    Column("direct_kept_share", "direct (% of x)", whole_percent, group="Kept", rank=3),
    Column("fast_kept_share", "fast (% of x)", whole_percent, group="Kept", rank=2),
    Column("direct_macs", "direct (M)", millions, group="MACs", rank=WIDE),
    Column("fast_macs", "fast (M)", millions, group="MACs", rank=WIDE),
    Column("bytes", "Least bytes (MB)", megabytes, rank=WIDE),
]
COMPILED = "Compiled direct:"
BENCH_COMPILED = [
    Column("compiled_forward", "forward (ms)", milliseconds, group=COMPILED, rank=1),
    Column("compiled_forward_ratio", "times fast's", ratio, group=COMPILED, rank=1),
    Column("compiled_step", "step (ms)", milliseconds, group=COMPILED, rank=1),
    Column("compiled_step_ratio", "times fast's", ratio, group=COMPILED, rank=1),
]
RATIO = "times bare"
BENCH_MODEL = [
    BLOCK,
    EVALUATION,
    Column("macs", "MACs (M)", millions, rank=3),
    Column("added_macs", "added (M)", added_millions, rank=2),
    *spread("forward", "One image"),
    Column("forward_ratio", RATIO, ratio, group="One image", rank=1),
    *spread("step", "Step"),
    Column("step_ratio", RATIO, ratio, group="Step", rank=1),
    Column("peak", "(MB)", megabytes, group="Peak of a step", rank=1),
    Column("peak_ratio", RATIO, ratio, group="Peak of a step", rank=1),
]


def stage_columns(numbers: DataFrame, compiled: bool) -> list[Column]:
    """The columns of stage_table(numbers): the figures of each stage under its shape."""
    stages = numbers[["stage", "shape"]].drop_duplicates().itertuples(index=False)
    columns = [BLOCK]
    for stage, shape in stages:
        _, channels, height, width = str(shape).split("x")
        group = f"{channels} at {height}x{width}:"
        columns += [
            Column(
                f"{stage}_fast_forward", "forward (ms)", milliseconds, group=group, rank=3
            ),
            Column(f"{stage}_fast_step", "step (ms)", milliseconds, group=group, rank=1),
            Column(f"{stage}_step_ratio", "faster", times, group=group, rank=2),
        ]
        if compiled:
            name = f"{stage}_compiled_step"
            columns.append(Column(name, "compiled (ms)", milliseconds, group=group, rank=3))
    return columns
