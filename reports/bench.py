"""Time and memory of blocks and of whole models, as pages."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from ablations.benchmark.bench import device_name
from reports import plots
from reports.bench_columns import BENCH, BENCH_COMPILED, BENCH_MODEL
from reports.bench_tables import bench_model_table, bench_table
from reports.page import Page, Picture, Table

Rows = Iterable[Mapping[str, Any]]


def bench_page(name: str, rows: Rows, compiled: bool) -> Page:
    """Blocks, direct against fast; if compiled, also against torch.compile of direct."""
    numbers = bench_table([dict(row) for row in rows])
    columns = [*BENCH, *(BENCH_COMPILED if compiled else [])]
    picture = Picture(name, "direct against fast", plots.direct_against_fast(numbers))
    return Page("Time and memory of blocks", [Table(numbers, columns, name), picture])


def bench_model_page(name: str, rows: Rows) -> Page:
    """A training step of a model: bare, direct, fast."""
    table = Table(bench_model_table([dict(row) for row in rows]), BENCH_MODEL, name)
    return Page("Time and memory of a training step", [table])


def machine_line(device: torch.device, threads: int) -> str:
    return f"{device_name(device)}, {threads} thread(s), torch {torch.__version__}"
