"""Fetch the records of a W&B sweep, so that its report is that of a local one."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import wandb
from pydantic import ValidationError

from ablations.errors import InputError
from ablations.records import RunRecord, run_folder
from ablations.study import Study, first_problem
from ablations.sweep_file import parse_study
from lightning_modules.mirror import RECORD_KEY

PREFIX = "wandb:"


def collect(address: str, folder: Path) -> Path:
    """Write the records of wandb:ENTITY/PROJECT/SWEEP below folder and return their folder.

    Raises InputError where the sweep cannot be read, and with a list where runs of it are
    missing or are there twice.
    """
    path = address.removeprefix(PREFIX)
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*/\w[\w.-]*", path):
        raise InputError(f"{address!r} is not {PREFIX}ENTITY/PROJECT/SWEEP")
    try:
        sweep: Any = wandb.Api().sweep(path)  # type: ignore[no-untyped-call]
        records = [record_of(run) for run in sweep.runs if has_record(run)]
        study = parse_study(sweep.config, Path(path.rpartition("/")[2]))
    except (wandb.errors.CommError, wandb.errors.UsageError, ValueError) as error:
        raise InputError(f"{address}: {error}") from None
    check_cells(address, study, records)
    for record in records:
        record.write(run_folder(record.config, folder / study.name) / "record.json")
    return folder / study.name


def has_record(run: Any) -> bool:
    return run.state == "finished" and RECORD_KEY in run.summary


def record_of(run: Any) -> RunRecord:
    try:
        return RunRecord.model_validate_json(run.summary[RECORD_KEY])
    except ValidationError as error:
        raise InputError(f"run {run.id}: {first_problem(error)}") from None


def check_cells(address: str, study: Study, records: list[RunRecord]) -> None:
    """Each cell of the sweep must be there once."""
    counts = Counter(record.config.run_id for record in records)
    asked = {config.run_id for config in study.runs()}
    problems = (
        [f"missing: {run_id}" for run_id in sorted(asked - set(counts))]
        + [f"{times} times: {run_id}" for run_id, times in counts.items() if times > 1]
        + [f"not of this sweep: {run_id}" for run_id in sorted(set(counts) - asked)]
    )
    if problems:
        raise InputError(f"{address}: {len(problems)} problems\n  " + "\n  ".join(problems))
