"""A folder in which tests start the real wandb client against the stand-in for its backend.

Two clients are tested: the installed one, and one about a year older. The older one comes
from the folder that ABLATIONS_OLD_WANDB names (created by `pip install --target FOLDER
wandb==0.22.3`), else installed for the tests.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fake_wandb import FakeWandb, Run, Sweep

OLD_VERSION = "0.22.3"
PATIENCE = 400  # seconds, on a busy machine

TRAIN = """
import os, sys, time
from pathlib import Path
import wandb

hold = Path("hold")
Path("pid").write_text(str(os.getpid()))
with wandb.init() as run:
    print(dict(run.config))
    for step in range(3):
        run.log({"loss": run.config["opt"]["lr"] / (step + 1)})
    for _ in range(300):  # half a minute at most
        if hold.exists():
            time.sleep(0.1)
    if run.config["seed"] >= 100:
        sys.exit("no luck")
"""

READ = """
import json, sys, wandb
api = wandb.Api()
sweep = api.sweep(sys.argv[1])
runs = [
    {
        "id": run.id,
        "state": run.state,
        "config": run.config,
        "loss": run.summary.get("loss"),
        "losses": [row["loss"] for row in run.history(pandas=False)],
        "scanned": [row["loss"] for row in run.scan_history(keys=["loss"])],
        "files": sorted(file.name for file in run.files()),
    }
    for run in sweep.runs
]
paged = [run.id for run in api.runs("/".join(sweep.path[:2]), per_page=1)]
print(json.dumps({"state": sweep.state, "runs": runs, "paged": paged}))
"""


@dataclass(frozen=True)
class Workplace:
    """A folder with a training script, and the client that is started in it."""

    server: FakeWandb
    folder: Path
    client: Path | None  # folder of the older client; None: the installed one
    agents: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def version(self) -> str:
        if self.client is None:
            return version("wandb")
        [distribution] = distributions(name="wandb", path=[str(self.client)])
        return distribution.version

    def environment(self, changes: dict[str, str]) -> dict[str, str]:
        environment = self.server.environment(self.folder) | changes
        if self.client:
            environment["PYTHONPATH"] = str(self.client)
            environment["PATH"] = f"{self.client / 'bin'}{os.pathsep}{environment['PATH']}"
        return environment

    def run(self, *command: str, **changes: str) -> str:
        """The output of a command in a changed environment; it must exit with 0."""
        process = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(changes),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        assert process.returncode == 0, process.stdout
        return process.stdout

    def start_agent(self, sweep: Sweep) -> "subprocess.Popen[bytes]":
        with (self.folder / "agents.log").open("a") as log:
            agent = subprocess.Popen(
                ["wandb", "agent", sweep.path],
                cwd=self.folder,
                env=self.environment({}),
                stdout=log,
                stderr=log,
            )
        self.agents.append(agent)
        return agent

    def end_agents(self) -> None:
        """End the agents that a failed test left behind."""
        for agent in self.agents:
            agent.kill()
            agent.wait()

    def finish(self, agent: "subprocess.Popen[bytes]") -> None:
        """Wait for an agent, which must exit with 0."""
        assert agent.wait(PATIENCE) == 0, (self.folder / "agents.log").read_text()

    def sweep(self, seeds: list[int], lrs: Iterable[float] = (0.5,)) -> Sweep:
        """Register a grid of the training script."""
        parameters = {
            "seed": {"values": seeds},
            "opt": {"parameters": {"lr": {"values": [*lrs]}, "kind": {"value": "sgd"}}},
        }
        return self.register({"program": "train.py", "parameters": parameters})

    def register(self, settings: dict[str, Any]) -> Sweep:
        """Register a grid with `wandb sweep`."""
        sweep = {"method": "grid"} | settings
        (self.folder / "small.yaml").write_text(yaml.safe_dump(sweep))
        output = self.run("wandb", "sweep", "--project", "grids", "small.yaml")
        [registered] = self.server.sweeps()
        assert f"wandb agent {registered.path}" in output
        return registered

    def cell_file(self, cell: dict[str, Any]) -> str:
        """A cell in the form in which an agent passes it to its child."""
        values = {key: {"value": value} for key, value in cell.items()}
        (self.folder / "cell.yaml").write_text(yaml.safe_dump(values))
        return "cell.yaml"

    def read_back(self, sweep: Sweep) -> Any:
        """What `wandb.Api()` says about a sweep."""
        return json.loads(self.run(sys.executable, "read.py", sweep.path).splitlines()[-1])

    def offline_folders(self) -> list[str]:
        return sorted(map(str, (self.folder / "wandb").glob("offline-run-*")))

    def hold(self) -> None:
        """Make runs wait at their end until they are released."""
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def running(self) -> Run:
        """Wait for a run that has logged something, and return it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for run in self.server.runs():
                if run.state == "running":
                    return run
            time.sleep(0.1)
        raise TimeoutError("no run is running")


def workplace(server: FakeWandb, folder: Path, client: Path | None) -> Workplace:
    (folder / "train.py").write_text(TRAIN)
    (folder / "read.py").write_text(READ)
    return Workplace(server, folder, client)


@pytest.fixture(scope="session")
def old_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if named := os.environ.get("ABLATIONS_OLD_WANDB"):
        return Path(named)
    folder = tmp_path_factory.mktemp("client")
    install = [sys.executable, "-m", "pip", "install", "--target", str(folder)]
    process = subprocess.run(
        [*install, f"wandb=={OLD_VERSION}"], capture_output=True, text=True
    )
    if process.returncode:
        pytest.skip(
            f"wandb {OLD_VERSION} cannot be installed here "
            f"({process.stderr.strip().splitlines()[-1]}); ABLATIONS_OLD_WANDB may name a "
            f"folder that has it"
        )
    return folder


@pytest.fixture(params=["installed", OLD_VERSION])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workplace]:
    old = request.param == OLD_VERSION
    client = request.getfixturevalue("old_client") if old else None
    with FakeWandb() as server:
        place = workplace(server, tmp_path, client)
        yield place
        place.end_agents()
