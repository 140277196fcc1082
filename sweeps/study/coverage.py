"""Which runs of a study have a record, and a sweep file for the rest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ablations.errors import InputError, writing
from ablations.run_config import DERIVED, RunConfig
from ablations.run_folder import RunFolder
from ablations.yaml_file import read_yaml
from sweeps.study.study import PlannedRun, Study


def state(config: RunConfig, study_folder: Path) -> str:
    """The state of a run in its study's folder: finished, failed or waiting."""
    folder = RunFolder(study_folder, config)
    if folder.has_record():
        return "finished"
    return "failed" if folder.failure.exists() else "waiting"


def missing(study: Study, study_folder: Path) -> list[PlannedRun]:
    launch = study.launch(study_folder)
    return [run for run in study.runs() if not launch.folder(run).has_record()]


def swept_keys(configs: Sequence[RunConfig]) -> list[str]:
    """The keys that differ between configurations."""
    return [
        key
        for key in RunConfig.model_fields
        if key not in DERIVED and len({getattr(config, key) for config in configs}) > 1
    ]


def write_missing(
    source: Path, study: Study, runs: Sequence[PlannedRun], out: Path
) -> None:
    """Write a sweep file of the same study with only these runs."""
    if out.resolve() == source.resolve():
        raise InputError(
            f"{out} is the sweep file itself; write the missing cells to another file"
        )
    content: Any = read_yaml(source)
    keys = swept_keys([run.config for run in study.runs()])
    common = runs[0].config.model_dump(exclude={*keys, *study.options, *DERIVED})
    cells = [run.config.model_dump(include=set(keys)) for run in runs]
    content |= {
        "name": study.name,
        "method": "grid",
        "parameters": {key: {"value": value} for key, value in common.items()}
        | {"cell": {"values": cells}},
    }
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(yaml.safe_dump(content, sort_keys=False))
