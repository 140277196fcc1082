"""What of a study has a record, and a sweep file for the rest."""

from pathlib import Path
from typing import Any

import yaml

from ablations.errors import InputError, writing
from ablations.run_config import DERIVED, RunConfig
from ablations.run_folder import RunFolder
from ablations.yaml_file import read_yaml
from sweeps.study.study import Study


def state(config: RunConfig, study_folder: Path) -> str:
    """What the folder of a study knows of a run: finished, failed or waiting."""
    folder = RunFolder(study_folder, config)
    if folder.has_record():
        return "finished"
    return "failed" if folder.failure.exists() else "waiting"


def missing(study: Study, study_folder: Path) -> list[RunConfig]:
    runs = study.runs()
    return [run for run in runs if not RunFolder(study_folder, run).has_record()]


def swept_keys(cells: list[RunConfig]) -> list[str]:
    """The keys that differ between cells."""
    return [
        key
        for key in RunConfig.model_fields
        if key not in DERIVED and len({getattr(cell, key) for cell in cells}) > 1
    ]


def write_missing(source: Path, study: Study, cells: list[RunConfig], out: Path) -> None:
    """A sweep file of the same study with these cells only."""
    if out.resolve() == source.resolve():
        raise InputError(
            f"{out}: is the sweep file itself; write the missing cells elsewhere"
        )
    sweep: Any = read_yaml(source)
    swept = swept_keys(list(study.runs()))
    common = cells[0].model_dump(exclude={*swept, *study.options, *DERIVED})
    listed = [cell.model_dump(include=set(swept)) for cell in cells]
    sweep |= {
        "name": study.name,
        "method": "grid",
        "parameters": {key: {"value": value} for key, value in common.items()}
        | {"cell": {"values": listed}},
    }
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(yaml.safe_dump(sweep, sort_keys=False))
