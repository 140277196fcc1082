"""Timings as pages."""

from pandas import DataFrame

from reports import plots
from reports.bench_columns import BENCH, BENCH_COMPILED, BENCH_MODEL
from reports.page import Page, Picture, Table


def bench_page(numbers: DataFrame, name: str, compiled: bool) -> Page:
    """Blocks, direct against fast; compiled: also as torch.compile makes them."""
    columns = [*BENCH, *(BENCH_COMPILED if compiled else [])]
    picture = Picture(name, "direct against fast", plots.direct_against_fast(numbers))
    return Page("Time and memory of blocks", [Table(numbers, columns, name), picture])


def bench_model_page(numbers: DataFrame, name: str) -> Page:
    """A training step of a whole model."""
    parts = [Table(numbers, BENCH_MODEL, name)]
    return Page("Time and memory of a model's training step", parts)
