"""The real wandb client runs sweeps against the stand-in for its backend."""

import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from sweeps.study.grid import grid
from tests.fake_wandb import FakeWandb, Run, UnknownRequestError
from tests.fake_wandb.grid import as_text, cells
from tests.wandb_workplace import Workplace, workplace

GOLDEN = Path(__file__).parent / "golden" / "grids.json"  # which states its origin
GRIDS = json.loads(GOLDEN.read_text())["grids"]


def seeds(runs: list[Run], state: str = "finished") -> list[int]:
    return sorted(run.values["seed"] for run in runs if run.state == state)


def test_a_run_joins_a_sweep_and_is_read_back(tmp_path: Path) -> None:
    """Without an agent, which would poll for commands every five seconds."""
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
    """Its child survives and finishes its run; nothing is handed out twice."""
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
    """As with W&B, which later calls it crashed; the sweep does not repeat its cell."""
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
    """It still exits with 0: an agent's exit code says nothing."""
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
    """This is how cells are run without a server: their sweep is then a group."""
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
    """The status of the response."""
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
    """Except repeated values: the engine skips them, the suite refuses them later."""
    cells = dict.fromkeys(as_text(cell) for cell in expand(case["parameters"]))
    assert list(cells) == [as_text(cell) for cell in case["cells"]]
