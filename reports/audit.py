"""The mIoU audit: the common definitions side by side for the same predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pandas import DataFrame, Series

from ablations.errors import InputError
from ablations.image_counts import read_image_counts
from ablations.records import RunRecord
from ablations.run_folder import RECORD
from reports.areas import Areas
from reports.comparison import Comparison
from reports.definitions import DEFINITIONS, Scored
from reports.page import Column, Fold, Part, Table, Text
from reports.tables import block_names, block_order
from reports.units import label, percent, points
from reports.write.cells import shortened

IMAGES = "images.npz"
DEFINITION = Column("label", "Definition", str, "left", tip="meaning")
MEANING = Column("meaning", "Meaning", str, "paragraph", rank=7)
USERS = Column("users", "Found in", str, "paragraph", rank=8)


def read_scored(path: Path, record: RunRecord) -> Scored:
    """The scored images of a run; batches are as large as those of its training."""
    counts = read_image_counts(path, record)
    return Scored(Areas.of_images(counts), record.config.batch_size)


def audit_numbers(runs: Mapping[str, Scored]) -> DataFrame:
    """One row per definition, the suite's own first.

    Columns: definition, label, meaning, users; for each run miou_NAME, and difference_NAME
    from the suite's own.
    """
    table = DataFrame(
        {
            "definition": list(DEFINITIONS),
            "label": [each.label for each in DEFINITIONS.values()],
            "meaning": [each.meaning for each in DEFINITIONS.values()],
            "users": [each.users for each in DEFINITIONS.values()],
        }
    )
    for name, scored in runs.items():
        scores = [definition.miou(scored) for definition in DEFINITIONS.values()]
        table[f"miou_{name}"] = scores
        table[f"difference_{name}"] = [score - scores[0] for score in scores]
    return table


def audit_table(folders: Sequence[Path]) -> Table:
    """The runs of these folders side by side; InputError for one that cannot be audited."""
    records: dict[Path, RunRecord] = {}
    for folder in map(Path.resolve, folders):
        record = read_run(folder)
        if record in records.values():
            raise InputError(f"{folder}: run {record.config.run_id} is given twice")
        records[folder] = record
    runs = {
        name: read_scored(folder / IMAGES, record)
        for name, (folder, record) in zip(
            run_names(list(records.values())), records.items(), strict=True
        )
    }
    columns = [column for name in runs for column in run_columns(name)]
    notes = [f"{name}: {folder}." for name, folder in zip(runs, records, strict=True)]
    return Table(
        audit_numbers(runs),
        [DEFINITION, *columns, MEANING, USERS],
        "audit",
        notes=[*notes, *audit_notes(list(runs.values()))],
    )


def run_names(records: Sequence[RunRecord]) -> list[str]:
    """Block and seed of each, if that tells them apart; else the ids of the runs."""
    configs = [record.config for record in records]
    names = [f"{label(config.placed_block)}, seed {config.seed}" for config in configs]
    several = len({*names}) < len(names)
    return [config.run_id for config in configs] if several else names


def run_columns(name: str) -> list[Column]:
    """The mIoU of a run by each definition, and the difference from the suite's own."""
    return [
        Column(f"miou_{name}", "mIoU (%)", percent, group=name),
        Column(f"difference_{name}", "difference", points, group=name, rank=1),
    ]


def read_run(folder: Path) -> RunRecord:
    path = folder / RECORD
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of a run")
    if not path.is_file():
        raise InputError(
            f"{folder}: has no {RECORD}; give the folder of a finished run, such as "
            "RUNS/RUN_ID"
        )
    return RunRecord.read_own(path)


def audit_notes(runs: Sequence[Scored]) -> list[str]:
    """What the last definitions depend on besides the predictions."""
    images = sorted({len(scored.images.labelled) for scored in runs})
    sizes = sorted({scored.batch_size for scored in runs})
    return [
        f"Void pixels are left out of all. Images: {one_or_more(images)}. Batches, in the "
        f"order of the images: of {one_or_more(sizes)}."
    ]


def one_or_more(numbers: Sequence[int]) -> str:
    return " or ".join(f"{number:,}" for number in numbers)


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
