"""Time and memory of blocks and of whole models, as pages."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from pandas import DataFrame

from ablations.benchmark.candidates import Effort
from ablations.benchmark.devices import device_name
from reports import plots
from reports.bench_columns import (
    BENCH,
    BENCH_COMPILED,
    BENCH_MODEL,
    stage_columns,
)
from reports.bench_notes import block_notes, model_notes
from reports.bench_tables import bench_model_table, bench_table, panels, stage_table
from reports.completeness import plural
from reports.page import Fold, Heading, Page, Part, Picture, Table, Text

Row = dict[str, Any]
HOW = (
    "Times are medians of rounds in which the evaluations of a block take turns, so that "
    "a busy moment affects all of them. Direct: the operations of the paper or of the "
    "released code, in their order. Fast: the same function as this suite runs it. Blocks "
    'named "code" are the formulas that their authors released, where these differ from '
    "their paper. A step is a forward and a backward pass of the block alone."
)
HOW_MODEL = (
    "Times are medians. A forward pass is of one image, in eval mode; a step is a forward "
    "and a backward pass of a batch, in training mode, without the update of an optimizer. "
    "A ratio is that to the bare model in the same rounds: the two take turns."
)


def bench_page(name: str, rows: Sequence[Row], effort: Effort, compiled: bool) -> Page:
    """Blocks, direct against fast; if compiled, also against torch.compile of direct."""
    numbers = bench_table(rows)
    columns = [*BENCH, *(BENCH_COMPILED if compiled else [])]
    whole = Table(numbers, columns, name)
    parts: list[Part] = [Text(machine_line(rows, effort)), Text(HOW)]
    if not (numbers["image"] != "").all():
        parts.append(whole._replace(notes=block_notes(numbers)))
        return Page("Time and memory of blocks", [*parts, *pictures(name, numbers)])
    for (image, dtype), chosen in numbers.groupby(["image", "dtype"], sort=False):
        suffix = f"-{dtype}" if numbers["dtype"].nunique() > 1 else ""
        parts += stage_parts(f"{name}-{image}{suffix}", chosen, compiled)
    return Page("Time and memory of blocks", [*parts, Fold("Every case", [whole], 2)])


def stage_parts(name: str, numbers: DataFrame, compiled: bool) -> Iterator[Part]:
    """All blocks at the stages for images of one size."""
    image, dtype = numbers[["image", "dtype"]].iloc[0]
    yield Heading(f"Images of {image}, {dtype}")
    columns = stage_columns(numbers, compiled)
    yield Table(stage_table(numbers), columns, name, notes=block_notes(numbers))
    yield from pictures(name, numbers)


def pictures(name: str, numbers: DataFrame) -> Iterator[Picture]:
    """Direct and fast times of all blocks, at most four shapes beside each other."""
    for number, chosen in enumerate(panels(numbers), start=1):
        suffix = f"-{number}" if number > 1 else ""
        figure = plots.direct_against_fast(chosen)
        yield Picture(f"{name}{suffix}", "direct against fast", figure)


def bench_model_page(name: str, rows: Sequence[Row], effort: Effort, of: str) -> Page:
    """One image and a training step of a model: bare, direct, fast; of says which."""
    numbers = bench_model_table(rows)
    table = Table(numbers, BENCH_MODEL, name, of, model_notes(numbers))
    line = machine_line(rows, effort)
    return Page("Time and memory of models", [Text(line), Text(HOW_MODEL), table])


def machine_line(rows: Sequence[Row], effort: Effort) -> str:
    """Where, with what and how often it was measured, and how busy the machine was."""
    loads = [row["load"] for row in rows if "load" in row]
    commits = dict.fromkeys(row["commit"] for row in rows if "commit" in row)
    busy = f", load average {min(loads):.1f} to {max(loads):.1f}" if loads else ""
    return (
        f"{device_name(effort.device)}, {plural(effort.threads, 'CPU thread')}, "
        f"torch {torch.__version__}, {plural(effort.rounds, 'round')}, "
        f"commit {', '.join(commits) or 'unknown'}{busy} (this "
        f"measurement alone is a load of about {effort.threads})."
    )
