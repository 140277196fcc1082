"""The list of runs: what each was, what it printed, and the command that repeats it."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pandas import DataFrame

from ablations.model_options import flag
from ablations.records import LOG_CHARACTERS, Failure, RunRecord, tail
from ablations.run_config import DERIVED, RunConfig
from ablations.run_folder import FAILURE, RECORD
from reports.columns import BLOCK
from reports.completeness import plural
from reports.order import natural
from reports.page import (
    WIDE,
    Code,
    Column,
    Fold,
    Heading,
    Items,
    Lines,
    Part,
    Table,
    Text,
)
from reports.tables import block_order
from reports.units import count, either, label, percent, seconds
from reports.write.cells import shortened

DETAILED = 200  # the most runs that each have a section
AGAIN = "again"  # the study of a repeated run: in its own, its record would be found
SHOWN = {"block", "init", "seed", *DERIVED}  # in the columns that every list has

RUN = Column("run", "Run", str, "left", rank=WIDE)
RESULT = [
    Column("seed", "Seed", count),
    Column("miou", "mIoU (%)", percent),
    Column("steps", "Steps", count),
    Column("seconds", "Train (s)", seconds),
    Column("device", "Device", str, "left", rank=WIDE),
]


class Run(NamedTuple):
    """A run that ended, as a record or a failure."""

    config: RunConfig
    record: RunRecord | None
    failure: Failure | None

    @property
    def title(self) -> str:
        name = f"{label(self.config.placed_block)}, seed {self.config.seed}"
        if self.record:
            return f"{name}: mIoU {percent(self.record.miou)} %"
        return f"{name}: failed"


def runs_section(
    records: Sequence[RunRecord], failures: Sequence[Failure], folders: Sequence[Path]
) -> list[Part]:
    """A table of all runs; of a few runs, a fold for each, whose anchor is run-RUN_ID."""
    runs = ordered([*(Run(one.config, one, None) for one in records), *map(lost, failures)])
    counts = plural(len(runs), "run")
    parts: list[Part] = [runs_table(runs)]
    if len(runs) <= DETAILED:
        places = run_folders(folders)
        parts += [run_fold(run, places.get(run.config.run_id)) for run in runs]
    contents = Fold(f"All {counts}", parts, anchor="all-runs", detail=True)
    each = "each with its configuration and the command that repeats it"
    several = "too many for a section each"
    what = f"{counts}, {each if len(runs) <= DETAILED else several}, in "
    return [Heading("Runs"), Text(what, Code("report.html"), "."), contents]


def lost(failure: Failure) -> Run:
    return Run(failure.config, None, failure)


def ordered(runs: Sequence[Run]) -> list[Run]:
    """By setting, block and seed, as they read."""
    keys = varying(runs)
    blocks = block_order(run.config.placed_block for run in runs)
    places = {block: place for place, block in enumerate(blocks)}

    def place(run: Run) -> tuple[Any, ...]:
        setting = [as_it_reads(getattr(run.config, key)) for key in keys]
        return setting, places[run.config.placed_block], run.config.seed

    return sorted(runs, key=place)


def as_it_reads(value: object) -> tuple[int, float, list[Any]]:
    """A key to sort values by: none, then numbers, then words."""
    if isinstance(value, int | float):
        return 1, value, []
    return (0, 0, []) if value is None else (2, 0, natural(str(value)))


def varying(runs: Sequence[Run]) -> list[str]:
    """The keys in which the runs differ."""
    keys = [key for key in RunConfig.model_fields if key not in SHOWN]
    return [key for key in keys if len({getattr(run.config, key) for run in runs}) > 1]


def runs_table(runs: Sequence[Run]) -> Table:
    keys = varying(runs)
    rows = [row(run) | {key: getattr(run.config, key) for key in keys} for run in runs]
    settings = [Column(key, key, either(str), "left") for key in keys]
    block = BLOCK._replace(link="address")
    numbers = DataFrame(rows, dtype=object)
    notes = ["A block's name leads to the run's configuration, log and command."]
    if len(runs) > DETAILED:
        notes = []
    columns = [block, *settings, *RESULT, RUN]
    return Table(numbers, columns, caption="Runs", notes=notes)


def row(run: Run) -> dict[str, Any]:
    record = run.record
    return {
        "run": run.config.run_id,
        "address": f"#{anchor(run.config)}",
        "block": run.config.placed_block,
        "seed": run.config.seed,
        "miou": record.miou if record else "failed",
        "steps": run.config.max_steps,
        "seconds": duration(record) if record else None,
        "device": record.device if record else "",
    }


def duration(record: RunRecord) -> float:
    """Of the device if it was measured, else by the clock."""
    measured = record.compute_seconds
    return record.train_seconds if measured is None else measured


def anchor(config: RunConfig) -> str:
    """The name of a run's section, for links to it."""
    return f"run-{config.run_id}"


def run_fold(run: Run, folder: Path | None) -> Fold:
    parts: list[Part] = [Text("Run ", Code(run.config.run_id), "."), configuration(run)]
    if run.failure:
        parts.append(Text(f"Failed ({run.failure.kind}): {shortened(run.failure.reason)}"))
    if run.record:
        parts += [Text(shortened(note)) for note in run.record.notes]
    parts += [Heading("To repeat it", 4), Lines(command(run, folder))]
    if log := log_of(run, folder):
        parts += [Heading("The end of its log", 4), Lines(log)]
    return Fold(run.title, parts, 3, anchor(run.config))


def configuration(run: Run) -> Items:
    """What differs from the defaults, then where it ran."""
    lines = [
        Text(Code(key), f" {shortened(value)}")
        for key, value in run.config.overrides().items()
    ]
    if run.record:
        lines.append(Text(f"on {shortened(run.record.device)}"))
        lines.append(Text("commit ", Code(shortened(run.record.commit))))
    return Items(lines or [Text("every key at its default")])


def command(run: Run, folder: Path | None) -> str:
    """A line for a shell: a finished run goes to another study, a failed one to its own."""
    study = folder.parent.name if run.failure and folder else AGAIN
    words = ["ablate", "train", *flags(run.config), f"--study={study}"]
    return shlex.join(words)


def flags(config: RunConfig) -> list[str]:
    """The flags of `ablate train` that give this configuration."""
    values = config.overrides().items()
    return [written(key, value) for key, value in values if key not in DERIVED]


def written(key: str, value: object) -> str:
    if isinstance(value, bool):
        return flag(key) if value else flag(f"no_{key}")
    return f"{flag(key)}={'none' if value is None else value}"


def run_folders(folders: Sequence[Path]) -> dict[str, Path]:
    """The folder of each run that ended, by its id."""
    return {
        path.parent.name: path.parent
        for folder in folders
        for name in (RECORD, FAILURE)
        for path in folder.rglob(name)
    }


def log_of(run: Run, folder: Path | None) -> str:
    """The end of what the run printed; a failure keeps it, even if the file is gone."""
    if run.failure:
        return run.failure.log
    path = folder / "log.txt" if folder else None
    if path is None or not path.is_file():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - LOG_CHARACTERS))
        return tail(log.read().decode(errors="replace"))
