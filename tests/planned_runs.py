"""Planned runs for tests: those of a study, or of configurations that no file lists."""

from pathlib import Path

from ablations.run_config import DERIVED, RunConfig
from sweeps.study.study import Launch, PlannedRun, Study


def configs(study: Study) -> list[RunConfig]:
    return [run.config for run in study.runs()]


def planned_run(config: RunConfig) -> PlannedRun:
    """A run as planned by a sweep file that states every key."""
    return PlannedRun(config.model_dump(exclude=DERIVED), config)


def launch(study_folder: Path) -> Launch:
    """The launch of a sweep file without a command: this suite's own training."""
    return Study(name=study_folder.name, parameters={}).launch(study_folder)
