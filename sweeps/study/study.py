"""A study: one question as a grid of runs."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from sweeps.study import grid


@dataclass(frozen=True)
class PlannedRun:
    """A cell of a sweep, and the configuration that follows from it.

    Two planned runs with the same configuration are the same run.
    """

    cell: Mapping[str, Any] = field(compare=False)
    config: RunConfig


class Launch(NamedTuple):
    """How the runs of a study are started and where they are stored; the same for each."""

    study_folder: Path
    study_name: str
    program: str
    command: tuple[str, ...]
    project: str | None  # of W&B
    entity: str | None

    def folder(self, run: PlannedRun) -> RunFolder:
        return RunFolder(self.study_folder, run.config)

    def absolute(self) -> "Launch":
        """For processes that may run in another folder."""
        return self._replace(study_folder=self.study_folder.absolute())


class Study(BaseModel):
    """A named set of runs, read by sweep_file.py."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: str
    parameters: dict[str, Any]  # as in the sweep file
    method: Literal["grid", "random"] = "grid"
    count: int = 0  # of a random search
    run_cap: int | None = None  # at most this many runs are started, the first ones
    program: str = ""
    command: tuple[str, ...] = ()
    options: dict[str, Any] = {}  # flags of `ablate train` in the command
    project: str | None = None  # of W&B
    entity: str | None = None

    def cells(self) -> Iterator[dict[str, Any]]:
        """The values that the sweep sets for each run, in W&B's order."""
        if self.method == "grid":
            return itertools.islice(grid.grid(self.parameters), self.run_cap)
        return grid.random(self.parameters, self.count)

    def runs(self) -> Iterator[PlannedRun]:
        """The run of every cell; InputError for a cell that is not a configuration."""
        for cell in self.cells():
            yield PlannedRun(cell, self.config(cell))

    def config(self, cell: Mapping[str, Any]) -> RunConfig:
        fixed = {
            key: value
            for key, value in self.options.items()
            if key in RunConfig.model_fields
        }
        return RunConfig.parse(fixed | dict(cell), self.name)

    def launch(self, study_folder: Path) -> Launch:
        return Launch(
            study_folder,
            self.name,
            self.program,
            self.command,
            self.project,
            self.entity,
        )
