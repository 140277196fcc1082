"""Fetch the records of a W&B sweep, so that its report equals that of a local sweep."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import wandb
from pydantic import ValidationError

from ablations.documents import problem_of
from ablations.errors import InputError
from ablations.records import RunRecord
from ablations.run_folder import RunFolder
from lightning_modules.wandb_mirror import RECORD_KEY
from sweeps.study.study import Study
from sweeps.study.sweep_file import parse_study

PREFIX = "wandb:"
LISTED = 10  # problems in a message


def collect(address: str, runs_folder: Path) -> tuple[Path, Study]:
    """Write the records of wandb:ENTITY/PROJECT/SWEEP; returns its folder and study.

    Raises InputError if the sweep cannot be read, or with a list if runs are missing or
    duplicate.
    """
    entity, project, sweep_name = parts_of(address)
    try:
        sweep: Any = wandb.Api().sweep(  # type: ignore[no-untyped-call]
            f"{entity}/{project}/{sweep_name}"
        )
        runs = list(sweep.runs)  # page by page
        study = parse_study(sweep.config, Path(sweep_name))
    except (wandb.errors.CommError, wandb.errors.UsageError, ValueError) as error:
        raise InputError(f"{address}: {error}") from None
    records = [record_of(run) for run in runs if has_record(run)]
    check_cells(address, study, records, states(study, runs))
    study_folder = runs_folder / study.name
    for record in records:
        record.write(RunFolder(study_folder, record.config).record)
    return study_folder, study


def parts_of(address: str) -> tuple[str, str, str]:
    """The entity, the project and the sweep of an address."""
    match = re.fullmatch(rf"{PREFIX}(\w[\w.-]*)/(\w[\w.-]*)/(\w[\w.-]*)", address)
    if match is None:
        raise InputError(f"{address!r} is not {PREFIX}ENTITY/PROJECT/SWEEP")
    return match[1], match[2], match[3]


def has_record(run: Any) -> bool:
    return run.state == "finished" and RECORD_KEY in run.summary


def record_of(run: Any) -> RunRecord:
    try:
        return RunRecord.model_validate_json(run.summary[RECORD_KEY])
    except ValidationError as error:
        raise InputError(f"run {run.id}: {problem_of(error)}") from None


def states(study: Study, runs: list[Any]) -> dict[str, str]:
    """The state of W&B's last run of each cell that was handed out, by run id."""
    last_states = {}
    for run in runs:
        cell = {key: run.config[key] for key in study.parameters if key in run.config}
        last_states[study.config(cell).without_derived().run_id] = (
            f"{run.state} as run {run.id}"
        )
    return last_states


def check_cells(
    address: str, study: Study, records: list[RunRecord], states: dict[str, str]
) -> None:
    """Each cell of the sweep must have one record."""
    counts = Counter(record.config.without_derived().run_id for record in records)
    # a record counts whatever the source of a user's block
    planned = {run.config.without_derived().run_id for run in study.runs()}
    problems = [
        f"missing: {run_id} ({states.get(run_id, 'not handed out')})"
        for run_id in sorted(planned - set(counts))
    ]
    problems += [
        f"recorded {times} times: {run_id}" for run_id, times in counts.items() if times > 1
    ]
    problems += [f"not in this sweep: {run_id}" for run_id in sorted(set(counts) - planned)]
    if problems:
        more = f", and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
        some = ", ".join(problems[:LISTED])
        raise InputError(f"{address}: {len(problems)} problems: {some}{more}")
