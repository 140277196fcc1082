"""The columns of timings; a narrow terminal shows fast rather than direct times."""

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
BENCH_MODEL = [
    BLOCK,
    EVALUATION,
    Column("macs", "MACs (M)", millions),
    Column("added_macs", "added (M)", added_millions),
    Column("step", "Step (ms)", milliseconds),
    Column("step_iqr", "IQR", milliseconds),
    Column("peak", "Peak (MB)", megabytes),
]
