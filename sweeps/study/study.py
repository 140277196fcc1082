"""A study: one question as a grid of runs."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ablations.run_config import RunConfig
from sweeps.study import grid


class Study(BaseModel):
    """A named set of runs; sweep_file.py reads it."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: str
    parameters: dict[str, Any]  # as in the sweep file
    method: Literal["grid", "random"] = "grid"
    count: int = 0  # of a random search
    run_cap: int | None = None  # runs that are started at most, the first ones
    program: str = ""
    command: tuple[str, ...] = ()
    options: dict[str, Any] = {}  # flags of `ablate train` in the command
    project: str | None = None  # of W&B
    entity: str | None = None

    def cells(self) -> Iterator[dict[str, Any]]:
        """What the sweep asks of each run, in W&B's order."""
        if self.method == "grid":
            return itertools.islice(grid.grid(self.parameters), self.run_cap)
        return grid.random(self.parameters, self.count)

    def runs(self) -> Iterator[RunConfig]:
        """The run of every cell; InputError for one that is no configuration."""
        for cell in self.cells():
            yield self.run(cell)

    def run(self, cell: Mapping[str, Any]) -> RunConfig:
        fixed = {
            key: value
            for key, value in self.options.items()
            if key in RunConfig.model_fields
        }
        return RunConfig.parse(fixed | dict(cell), self.name)

    def cell(self, config: RunConfig) -> dict[str, Any]:
        """What the sweep asks of that run."""
        asked = config.asked()
        return next(cell for cell in self.cells() if self.run(cell).asked() == asked)
