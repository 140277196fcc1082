"""The real wandb client runs sweeps against the stand-in of its backend.

Two clients are exercised: the installed one, and one about a year older. The older one is
taken from the folder that ABLATIONS_OLD_WANDB names (made by `pip install --target FOLDER
wandb==0.22.3`), else installed for the tests.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import pytest
import yaml

from ablations.grid import grid
from tests.fake_wandb import FakeWandb, Run, Sweep, UnknownRequestError
from tests.fake_wandb.grid import as_text, cells

OLD_VERSION = "0.22.3"
GOLDEN = Path(__file__).parent / "golden" / "grids.json"  # which says where it is from
GRIDS = json.loads(GOLDEN.read_text())["grids"]

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
    client: Path | None  # where the older client is; None: the installed one
    agents: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def version(self) -> str:
        if self.client is None:
            return version("wandb")
        [found] = distributions(name="wandb", path=[str(self.client)])
        return found.version

    def environment(self, changes: dict[str, str]) -> dict[str, str]:
        environment = self.server.environment(self.folder) | changes
        if self.client:
            environment["PYTHONPATH"] = str(self.client)
            environment["PATH"] = f"{self.client / 'bin'}{os.pathsep}{environment['PATH']}"
        return environment

    def run(self, *command: str, **changes: str) -> str:
        """What a command printed in a changed environment; it must end well."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(changes),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

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

    def finish(self, agent: "subprocess.Popen[bytes]") -> None:
        """Wait for an agent, which must end well."""
        assert agent.wait(120) == 0, (self.folder / "agents.log").read_text()

    def sweep(self, seeds: list[int], lrs: Iterable[float] = (0.5,)) -> Sweep:
        """Register a grid with `wandb sweep`."""
        parameters = {
            "seed": {"values": seeds},
            "opt": {"parameters": {"lr": {"values": [*lrs]}, "kind": {"value": "sgd"}}},
        }
        sweep = {"program": "train.py", "method": "grid", "parameters": parameters}
        (self.folder / "small.yaml").write_text(yaml.safe_dump(sweep))
        output = self.run("wandb", "sweep", "--project", "grids", "small.yaml")
        [registered] = self.server.sweeps()
        assert f"wandb agent {registered.path}" in output
        return registered

    def cell_file(self, cell: dict[str, Any]) -> str:
        """A cell as an agent gives it to its child."""
        values = {key: {"value": value} for key, value in cell.items()}
        (self.folder / "cell.yaml").write_text(yaml.safe_dump(values))
        return "cell.yaml"

    def read_back(self, sweep: Sweep) -> Any:
        """What `wandb.Api()` says of a sweep."""
        return json.loads(self.run(sys.executable, "read.py", sweep.path).splitlines()[-1])

    def offline_folders(self) -> list[str]:
        return sorted(map(str, (self.folder / "wandb").glob("offline-run-*")))

    def hold(self) -> None:
        """Let runs wait at their end until they are released."""
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def running(self) -> Run:
        """The first run that logged something, once there is one."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for run in self.server.runs():
                if run.state == "running":
                    return run
            time.sleep(0.1)
        raise TimeoutError("no run is running")


def seeds(runs: list[Run], state: str = "finished") -> list[int]:
    return sorted(run.values["seed"] for run in runs if run.state == state)


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
    done = subprocess.run(
        [*install, f"wandb=={OLD_VERSION}"], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(
            f"wandb {OLD_VERSION} cannot be installed here "
            f"({done.stderr.strip().splitlines()[-1]}); ABLATIONS_OLD_WANDB may name a "
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
        for agent in place.agents:  # of a test that failed
            agent.kill()
            agent.wait()


def test_a_run_joins_a_sweep_and_is_read_back(tmp_path: Path) -> None:
    """Without an agent, which would ask what to do every five seconds."""
    with FakeWandb() as server:
        place = workplace(server, tmp_path, None)
        sweep = place.sweep([3])
        cell = place.cell_file({"seed": 3, "opt": {"lr": 0.5, "kind": "sgd"}})
        joining = {"WANDB_SWEEP_ID": sweep.name, "WANDB_PROJECT": "grids"}
        place.run("python", "train.py", WANDB_SWEEP_PARAM_PATH=cell, **joining)
        [run] = place.read_back(sweep)["runs"]
        assert (run["state"], run["loss"]) == ("finished", pytest.approx(0.5 / 3))
        assert run["config"] == {"seed": 3, "opt": {"lr": 0.5, "kind": "sgd"}}


@pytest.mark.slow
def test_two_agents_share_a_grid(place: Workplace) -> None:
    sweep = place.sweep([0, 1], (0.25, 1.0))
    agents = [place.start_agent(sweep) for _ in range(2)]
    for agent in agents:
        place.finish(agent)
    runs = place.server.runs(sweep.name)
    settings = [(run.values["opt"]["lr"], run.values["seed"]) for run in runs]
    assert settings == [(0.25, 0), (0.25, 1), (1, 0), (1, 1)]  # 1.0 arrives as 1
    assert {run.agent for run in runs} == {"agent1", "agent2"}
    assert {run.config["_wandb"]["value"]["cli_version"] for run in runs} == {place.version}
    assert sweep.state == "FINISHED"

    read = place.read_back(sweep)
    assert read["state"] == "FINISHED"
    assert read["paged"] == [run.name for run in runs]
    for run, stored in zip(read["runs"], runs, strict=True):
        lr = stored.values["opt"]["lr"]
        assert run["config"] == stored.values
        assert run["losses"] == run["scanned"] == pytest.approx([lr, lr / 2, lr / 3])
        assert run["loss"] == pytest.approx(lr / 3)
        assert {"config.yaml", "output.log", "wandb-summary.json"} <= set(run["files"])


@pytest.mark.slow
def test_cells_of_a_killed_agent_are_picked_up(place: Workplace) -> None:
    """Its child lives on and ends its run; nothing is handed out twice."""
    sweep = place.sweep([0, 1, 2])
    place.hold()
    agent = place.start_agent(sweep)
    place.running()
    agent.kill()
    agent.wait()
    place.release()
    place.run("wandb", "agent", sweep.path)
    runs = place.server.runs(sweep.name)
    assert seeds(runs) == [0, 1, 2]
    assert [run.agent for run in runs] == ["agent1", "agent2", "agent2"]


@pytest.mark.slow
def test_a_run_that_is_killed_with_its_agent_never_ends(place: Workplace) -> None:
    """As with W&B, which calls it crashed later; the sweep does not repeat its cell."""
    sweep = place.sweep([0, 1])
    place.hold()
    agent = place.start_agent(sweep)
    place.running()
    agent.kill()
    agent.wait()
    os.kill(int((place.folder / "pid").read_text()), signal.SIGKILL)
    place.release()
    place.run("wandb", "agent", sweep.path)
    runs = place.server.runs(sweep.name)
    assert (seeds(runs), len(runs)) == ([1], 2)
    assert sweep.state == "RUNNING"


@pytest.mark.slow
def test_failing_cells_are_marked_and_an_agent_gives_up_after_three(
    place: Workplace,
) -> None:
    """It ends well all the same: an agent's exit code says nothing."""
    sweep = place.sweep([100, 0, 101, 102, 103])
    place.run("wandb", "agent", sweep.path)
    runs = place.server.runs(sweep.name)
    assert [run.exitcode for run in runs] == [1, 0, 1, 1]
    assert (seeds(runs), seeds(runs, "failed")) == ([0], [100, 101, 102])
    read = place.read_back(sweep)
    assert [run["state"] for run in read["runs"]] == ["failed", "finished"] + ["failed"] * 2
    assert read["state"] == "RUNNING"


@pytest.mark.slow
def test_a_cancelled_sweep_stops_its_runs(place: Workplace) -> None:
    sweep = place.sweep([0, 1])
    place.hold()
    agent = place.start_agent(sweep)
    place.running()
    place.run("wandb", "sweep", "--cancel", sweep.path)
    place.finish(agent)
    runs = place.server.runs(sweep.name)
    assert (len(runs), seeds(runs)) == (1, [])
    assert place.read_back(sweep)["state"] == "CANCELED"


@pytest.mark.slow
def test_offline_runs_are_attached_to_their_sweep_when_synced(place: Workplace) -> None:
    sweep = place.sweep([0, 1])
    place.run("wandb", "agent", sweep.path, WANDB_MODE="offline")
    assert seeds(place.server.runs(), "pending") == [0, 1]
    place.run("wandb", "sync", *place.offline_folders())
    runs = place.server.runs(sweep.name)
    assert seeds(runs) == [0, 1]
    assert runs[0].rows[-1]["loss"] == runs[0].summary["loss"] == pytest.approx(0.5 / 3)
    place.run("wandb", "sync", *place.offline_folders())
    assert place.server.runs() == runs  # nothing twice
    assert [len(run.rows) for run in runs] == [3, 3]


@pytest.mark.slow
def test_a_run_that_was_given_its_cell_without_an_agent_is_synced(place: Workplace) -> None:
    """That is how cells are run without a server: their sweep is then a group."""
    cell = {"seed": 5, "opt": {"lr": 0.5, "kind": "sgd"}}
    changes = {
        "WANDB_MODE": "offline",
        "WANDB_PROJECT": "grids",
        "WANDB_RUN_GROUP": "small",
        "WANDB_SWEEP_PARAM_PATH": place.cell_file(cell),
    }
    place.run("python", "train.py", **changes)
    assert place.server.runs() == []
    place.run("wandb", "sync", *place.offline_folders())
    [run] = place.server.runs()
    assert (run.state, run.group, run.sweep, run.values) == (
        "finished",
        "small",
        None,
        cell,
    )


# What the stand-in does not know.


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("healthz", "", "POST /healthz"),
        (
            "graphql",
            "query Odd { viewer { shoeSize } }",
            "Cannot query field 'shoeSize'",
        ),
        (
            "graphql",
            "mutation Odd { deleteRun { ok } }",
            "Cannot query field 'deleteRun'",
        ),
        (
            "graphql",
            "mutation Odd { upsertSweep(input: {odd: 1}) { sweep { id } } }",
            "not to include unknown field 'odd'",
        ),
    ],
)
def test_an_unknown_request_fails_by_name(path: str, body: str, message: str) -> None:
    with pytest.raises(UnknownRequestError, match=message), FakeWandb() as server:
        assert post(f"{server.address}/{path}", {"query": body}) == 400


def post(address: str, body: object) -> int:
    """The status of the answer."""
    try:
        with urllib.request.urlopen(address, json.dumps(body).encode()) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


# The order of cells.


EXPANSIONS = [(case, grid) for case in GRIDS] + [
    (case, cells) for case in GRIDS if not case["name"].startswith("a range")
]


@pytest.mark.parametrize(
    ("case", "expand"),
    EXPANSIONS,
    ids=[f"{expand.__name__}-{case['name']}" for case, expand in EXPANSIONS],
)
def test_cells_are_those_of_the_official_engine(
    case: dict[str, Any], expand: Callable[[Any], Iterable[Any]]
) -> None:
    """Repeated values apart: the engine passes over them, the suite refuses them later."""
    got = dict.fromkeys(as_text(cell) for cell in expand(case["parameters"]))
    assert list(got) == [as_text(cell) for cell in case["cells"]]
