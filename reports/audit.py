"""The mIoU audit of a setting: how much the definition decides, in words and a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pandas import DataFrame, Series

from ablations.errors import InputError
from ablations.records import RunRecord
from reports.audit_table import (
    DEFINITION,
    IMAGES,
    USERS,
    audit_notes,
    audit_numbers,
    read_scored,
)
from reports.comparison import Comparison
from reports.definitions import Scored
from reports.page import Column, Fold, Part, Table, Text
from reports.tables import block_names, block_order
from reports.units import label, percent
from reports.write.cells import shortened


def image_files(folder: Path) -> dict[str, Path]:
    """The counts of images below a folder of runs, by the id of the run."""
    return {path.parent.name: path for path in sorted(folder.rglob(IMAGES))}


def audit_parts(comparison: Comparison, files: Mapping[str, Path]) -> list[Part]:
    """The definitions for one run of each block, all of one seed; files by id of the run.

    Empty if no run of the setting has counts of its images.
    """
    runs: dict[str, Scored] = {}
    problems: list[Part] = []
    records = audited(comparison.records, files)
    for block, record in zip(block_names(records), records, strict=True):
        try:
            scored = read_scored(files[record.config.run_id], record)
        except InputError as error:
            problems.append(Text(f"Not in the audit of mIoU: {error}"))
        else:
            runs |= {block: scored} if scored.images.labelled.any() else {}
    if not runs:
        return problems
    runs = {block: runs[block] for block in block_order(runs)}
    seed = records[0].config.seed
    return [*problems, *summary(audit_numbers(runs), runs, seed)]


def audited(records: Sequence[RunRecord], files: Mapping[str, Path]) -> list[RunRecord]:
    """The runs of the seed of which most have counts of their images; the first such."""
    seeds: dict[int, list[RunRecord]] = {}
    for record in records:
        if record.images is not None and record.config.run_id in files:
            seeds.setdefault(record.config.seed, []).append(record)
    return max([seeds[seed] for seed in sorted(seeds)], key=len, default=[])


def summary(numbers: DataFrame, runs: Mapping[str, Scored], seed: int) -> list[Part]:
    """How far the definitions are apart and whether they rank alike; then the table."""
    blocks = list(runs)
    columns = [Column(f"miou_{block}", label(block), percent) for block in blocks]
    table = Table(
        numbers, [DEFINITION, *columns, USERS], notes=audit_notes(list(runs.values()))
    )
    return [
        Text(" ".join([spread(numbers, blocks), *ranking(numbers, blocks)])),
        Fold(f"mIoU by other definitions, of the runs with seed {seed}", [table]),
    ]


def spread(numbers: DataFrame, blocks: Sequence[str]) -> str:
    """The widest range of one run's mIoU."""
    ranges = {block: scores(numbers, block) for block in blocks}
    widest = max(blocks, key=lambda block: ranges[block].max() - ranges[block].min())
    low, high = ranges[widest].min(), ranges[widest].max()
    return (
        f"By the definitions below, the predictions of one and the same run "
        f"({named(widest)}) have an mIoU of {percent(low)} to {percent(high)} %."
    )


def ranking(numbers: DataFrame, blocks: Sequence[str]) -> list[str]:
    """Which run is first by how many definitions; nothing is tested."""
    if len(blocks) < 2:
        return []
    table = DataFrame({block: scores(numbers, block) for block in blocks})
    counts = table.dropna(how="all").idxmax(axis=1).value_counts()
    if len(counts) == 1:
        return [
            f"By each of them the best of these runs is that of {named(counts.index[0])}."
        ]
    best = [f"{named(block)} by {counts[block]}" for block in blocks if block in counts]
    return [f"Which of these runs is the best depends on it, too: {', '.join(best)}."]


def scores(numbers: DataFrame, name: str) -> Series:
    return numbers[f"miou_{name}"]


def named(block: str) -> str:
    return shortened(label(block), 40)
