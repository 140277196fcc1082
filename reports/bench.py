"""Time and memory of blocks and of whole models, as tables and a picture."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pandas import DataFrame

from ablations.benchmark.bench import as_table, device_name
from reports import plots
from reports.columns import BENCH, BENCH_COMPILED, BENCH_MODEL
from reports.sheets import Sheet, keep
from reports.short_columns import BENCH as SHORT

Rows = Iterable[Mapping[str, Any]]


def bench_sheet(name: str, rows: Rows, compiled: bool) -> Sheet:
    """Blocks, direct against fast; compiled: with what torch.compile makes of direct."""
    more = BENCH_COMPILED if compiled else []
    short = [*SHORT[:3], *more, *SHORT[3:]]
    table = as_table([dict(row) for row in rows])
    return Sheet(name, table, [*BENCH, *more], short=short)


def write_bench(sheet: Sheet, out: Path) -> Sequence[str]:
    """The table and its picture; the files' names."""
    files = keep([sheet], out)
    plots.save(plots.direct_against_fast(sheet.table), out, sheet.name)
    return [*files, f"{out / sheet.name}.svg, .png"]


def bench_model_sheet(name: str, rows: Rows) -> Sheet:
    """A training step of a model: bare, direct, fast."""
    return Sheet(name, DataFrame([dict(row) for row in rows]), BENCH_MODEL)


def machine_line(device: torch.device, threads: int) -> str:
    return f"{device_name(device)}, {threads} thread(s), torch {torch.__version__}"
