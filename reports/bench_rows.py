"""Measuring case by case, with a bar on stderr; each row is kept once it is there."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ablations.benchmark.bench import bench_case, is_unbuilt, unbuilt
from ablations.benchmark.candidates import Effort
from ablations.benchmark.cases import Case
from ablations.benchmark.kept_rows import KeptRows, Row, circumstances_of
from ablations.benchmark.model_bench import ModelCase, bench_model_case
from ablations.errors import InputError
from reports.terminal import progress


def block_rows(
    cases: Sequence[Case], effort: Effort, compiled: bool, file: Path
) -> list[Row]:
    """A row for each case. InputError if not even one block can be built."""
    kept = KeptRows(file, circumstances_of(effort))
    rows = []
    for case in progress(cases, "bench", len(cases)):
        measure = partial(bench_case, case, effort, compiled)
        key = f"{case}, compiled {compiled}"
        try:
            row = kept.row(key, case.block, measure)
        except InputError as error:
            row = unbuilt(case, effort, error)
        rows.append(row)
    if all(map(is_unbuilt, rows)):
        raise InputError(rows[0]["direct_problem"])
    return rows


def model_rows(cases: Sequence[ModelCase], effort: Effort, file: Path) -> list[Row]:
    """A row for each case. InputError if no case with a block can be built."""
    kept = KeptRows(file, circumstances_of(effort))
    rows = []
    for case in progress(cases, "bench-model", len(cases)):
        measure = partial(bench_model_case, case, effort)
        try:
            row = kept.row(str(case), case.block, measure)
        except InputError as error:
            row = {
                "block": case.block,
                "evaluation": case.evaluation,
                "problem": str(error),
            }
        rows.append(row)
    with_blocks = rows[1:] or rows
    if not any("macs" in row for row in with_blocks):
        raise InputError(with_blocks[0]["problem"])
    return rows
