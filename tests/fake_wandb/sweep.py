"""A sweep, and the rule that hands out its cells to agents."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import yaml

from tests.fake_wandb.account import ENTITY
from tests.fake_wandb.grid import cells, on_the_wire
from tests.fake_wandb.run import Json, Run, UnknownRequestError, now, page

if TYPE_CHECKING:
    from tests.fake_wandb.backend import Project

State = Literal["PENDING", "RUNNING", "PAUSED", "CANCELED", "FINISHED"]


@dataclass(eq=False)
class Sweep:
    name: str  # the id, to users
    project: "Project"
    config: str  # YAML
    order: State = "RUNNING"  # by the user
    next_cell: int = 0  # index into cells
    members: list[Run] = field(default_factory=list)
    created_at: str = field(default_factory=now)

    def __post_init__(self) -> None:
        self.settings: Json = yaml.safe_load(self.config)
        self.method = self.settings["method"]
        if self.method != "grid":
            raise UnknownRequestError(f"a sweep by method {self.method!r}")
        self.cells = cells(self.settings["parameters"])

    @property
    def path(self) -> str:
        """In the form that `wandb agent` and `wandb.Api().sweep` accept."""
        return f"{ENTITY}/{self.project.name}/{self.name}"

    def commands(self, agent: str, running: Collection[str]) -> list[Json]:
        """What an agent with these runs in progress should do next."""
        if self.order == "CANCELED" and running:
            return [{"type": "stop", "run_id": name} for name in running]
        if running or self.order == "PAUSED":
            return []
        if self.order == "RUNNING" and self.next_cell < len(self.cells):
            return [self.hand_out(agent)]
        return [{"type": "exit"}]

    def hand_out(self, agent: str) -> Json:
        """The next cell, as a pending run that an agent's child will begin."""
        cell = self.cells[self.next_cell]
        arguments = {key: {"value": on_the_wire(value)} for key, value in cell.items()}
        run = Run(
            secrets.token_hex(4), self.project, self, agent, "pending", config=arguments
        )
        self.next_cell += 1
        self.project.runs_by_name[run.name] = run
        self.members.append(run)
        program = self.settings.get("program")
        return {"type": "run", "run_id": run.name, "program": program, "args": arguments}

    # Further fields of the GraphQL schema.

    @property
    def id(self) -> str:
        return f"{self.project.name}:{self.name}"

    @property
    def display_name(self) -> str | None:
        return self.settings.get("name")

    @property
    def state(self) -> State:
        over = self.next_cell == len(self.cells) and all(run.ended for run in self.members)
        return "FINISHED" if over and self.order == "RUNNING" else self.order

    @property
    def run_count(self) -> int:
        return len(self.members)

    @property
    def run_count_expected(self) -> int:
        return len(self.cells)

    def runs(self) -> Json:
        return page(self.members)
