"""The state of the backend, and its answers to GraphQL queries and mutations."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.fake_wandb.account import ENTITY, TEAM, USER
from tests.fake_wandb.run import File, Json, Run, UnknownRequestError, page
from tests.fake_wandb.sweep import Sweep

RUN_FIELDS = {  # by their names in UpsertBucketInput
    "config": "config",
    "summaryMetrics": "summary",
    "displayName": "display_name",
    "groupName": "group",
    "jobType": "job_type",
    "tags": "tags",
    "notes": "notes",
    "state": "state",
}


@dataclass(eq=False)
class Project:
    name: str
    internal_id: int
    runs_by_name: dict[str, Run] = field(default_factory=dict)
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    entity = TEAM
    read_only = False

    @property
    def id(self) -> str:
        return self.name

    def sweep(self, sweep_name: str) -> Sweep | None:
        return self.sweeps.get(sweep_name)

    def run(self, name: str) -> Run | None:
        return self.runs_by_name.get(name)

    def bucket(self, name: str, missing_ok: bool = False) -> Run | None:
        return self.runs_by_name.get(name)

    def begin_run(self, name: str, sweep: str | None) -> tuple[Run, bool]:
        """Start or resume the run of that name; return it and whether it is new."""
        inserted = name not in self.runs_by_name
        run = self.runs_by_name.setdefault(name, Run(name, self))
        if inserted and sweep:
            run.sweep = self.sweeps[sweep]
            run.sweep.members.append(run)
        run.state = "running"
        return run, inserted

    def run_count(self, filters: Json | None = None) -> int:
        return len(self.select(filters))

    def runs(
        self,
        filters: Json | None = None,
        after: str | None = None,
        first: int | None = None,
        order: str | None = None,
    ) -> Json:
        if order not in {None, "+created_at", "-created_at"}:
            raise UnknownRequestError(f"runs ordered by {order!r}")
        runs = self.select(filters)
        return page(runs[::-1] if order == "-created_at" else runs, after, first)

    def select(self, filters: Json | None) -> list[Run]:
        return [run for run in self.runs_by_name.values() if matches(run, filters or {})]


def matches(run: Run, filters: Mapping[str, Any]) -> bool:
    """Whether a run passes W&B's filters, which use MongoDB's syntax."""
    for key, value in filters.items():
        if key == "$and":
            if not all(matches(run, part) for part in value):
                return False
        elif key not in {"sweep", "name", "state", "group"} or isinstance(value, Mapping):
            raise UnknownRequestError(f"runs filtered by {key} = {value!r}")
        elif getattr(run, "sweep_name" if key == "sweep" else key) != value:
            return False
    return True


@dataclass
class Backend:
    """The root of every query and mutation."""

    address: str  # of the server
    projects: dict[str, Project] = field(default_factory=dict)
    agents: dict[str, Sweep] = field(default_factory=dict)

    viewer = USER
    server_info: Json = field(default_factory=lambda: {"features": []})

    def entity(self, name: str | None = None) -> Json | None:
        return TEAM if name in {None, ENTITY} else None

    def project(self, name: str | None, entity_name: str | None = None) -> Project | None:
        return self.projects.get(name or "") if self.entity(entity_name) else None

    def model(self, name: str | None, entity_name: str | None = None) -> Project | None:
        return self.project(name, entity_name)

    def upsert_sweep(self, input: Json) -> Json:
        """Register a sweep, or change the state of one."""
        if input.get("id"):
            sweep = self.sweep_with_id(input["id"])
            sweep.order = input["state"]
        else:
            project = self.project_named(input["projectName"])
            sweep = Sweep(secrets.token_hex(4), project, input["config"])
            project.sweeps[sweep.name] = sweep
        return {"sweep": sweep, "configValidationWarnings": []}

    def create_agent(self, input: Json) -> Json:
        name = f"agent{len(self.agents) + 1}"
        self.agents[name] = self.projects[input["projectName"]].sweeps[input["sweep"]]
        return {"agent": {"id": name}}

    def agent_heartbeat(self, input: Json) -> Json:
        running = sorted(name for name, alive in input["runState"].items() if alive)
        commands = self.agents[input["id"]].commands(input["id"], running)
        return {"agent": {"id": input["id"]}, "commands": commands}

    def upsert_bucket(self, input: Json) -> Json:
        """Begin a run, or update one."""
        run, inserted = self.run_with_id(input.get("id")), False
        if run is None:
            project = self.project_named(input.get("modelName"))
            run, inserted = project.begin_run(input["name"], input.get("sweep"))
        for key, name in RUN_FIELDS.items():
            if input.get(key) is not None:
                setattr(run, name, input[key])
        messages: Json = {"serverMessages": []}
        return {"bucket": run, "inserted": inserted, "serverSettings": messages}

    def create_run_files(self, input: Json) -> Json:
        run = self.projects[input["projectName"]].runs_by_name[input["runName"]]
        files = [self.file(run, name) for name in input["files"]]
        return {"runID": run.id, "uploadHeaders": [], "files": files}

    def file(self, run: Run, name: str) -> Json:
        address = f"{self.address}/stored/{run.project.name}/{run.name}/{quote(name)}"
        return run.stored.setdefault(name, File(name, address)).answer()

    def project_named(self, name: str | None) -> Project:
        """The project of that name, created on first use."""
        name = name or "uncategorized"
        return self.projects.setdefault(name, Project(name, len(self.projects) + 1))

    def sweep_with_id(self, sweep_id: str) -> Sweep:
        return next(sweep for sweep in self.sweeps() if sweep.id == sweep_id)

    def run_with_id(self, run_id: str | None) -> Run | None:
        return next((run for run in self.runs() if run.id == run_id), None)

    def sweeps(self) -> list[Sweep]:
        return [
            one for project in self.projects.values() for one in project.sweeps.values()
        ]

    def runs(self) -> list[Run]:
        return [
            run
            for project in self.projects.values()
            for run in project.runs_by_name.values()
        ]
