"""The common definitions of mIoU side by side for the same predictions of runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pandas import DataFrame

from ablations.errors import InputError
from ablations.image_counts import read_image_counts
from ablations.records import RunRecord
from ablations.run_folder import RECORD
from reports.areas import Areas
from reports.definitions import DEFINITIONS, Scored
from reports.page import Column, Table
from reports.units import label, percent, points

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
