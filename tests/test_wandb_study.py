"""The same sweep file through W&B's own sweep and agent gives the same records."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ablations.records import TIMES, Failure, RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder, read_records
from sweeps.study.sweep_file import load_study
from tests.fake_wandb import FakeWandb, Run
from tests.planned_runs import configs
from tests.test_records import record
from tests.wandb_workplace import OLD_VERSION, PATIENCE, Workplace

pytestmark = pytest.mark.slow

SMOKE = Path(__file__).parents[1] / "sweeps" / "smoke.yaml"
CONFIGS = configs(load_study(SMOKE))
ON_CPU = ["--accelerator", "cpu"]
CURVE = [{"step": 1, "train_loss": 2.0}, {"step": 4, "val_miou": 0.5}]
LUCKLESS = """
from torch import nn

class Raises(nn.Identity):
    def __init__(self, channels):
        super().__init__()
    def forward(self, x):
        raise RuntimeError("no luck")
"""


@pytest.fixture(scope="module", params=["installed", OLD_VERSION])
def workplace(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workplace]:
    """The smoke study, run by two agents in one folder."""
    old = request.param == OLD_VERSION
    client = request.getfixturevalue("old_client") if old else None
    with FakeWandb() as server:
        place = Workplace(server, tmp_path_factory.mktemp("agents"), client)
        place.run("wandb", "sweep", "--project", "smoke", str(SMOKE))
        [sweep] = server.sweeps()
        try:
            for agent in [place.start_agent(sweep) for _ in range(2)]:
                place.finish(agent)
            yield place
        finally:
            place.end_agents()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    with FakeWandb() as server:
        place = Workplace(server, tmp_path, None)
        yield place
        place.end_agents()


def smoke(place: Workplace, **values: Any) -> Path:
    """The smoke study with other values."""
    sweep = yaml.safe_load(SMOKE.read_text())
    sweep["parameters"] |= {
        key: {"values": value} if isinstance(value, list) else {"value": value}
        for key, value in values.items()
    }
    path = place.folder / "smoke.yaml"
    path.write_text(yaml.safe_dump(sweep))
    place.run("wandb", "sweep", "--project", "smoke", str(path))
    return path


def by_id(folder: Path) -> dict[str, RunRecord]:
    return {one.config.run_id: one for one in read_records(folder)}


def comparable(folder: Path) -> dict[str, dict[str, object]]:
    differing = {*TIMES, "device"}
    return {
        run_id: one.model_dump(exclude=differing) for run_id, one in by_id(folder).items()
    }


def runs_of(place: Workplace, state: str) -> list[Run]:
    return [run for run in place.server.runs() if run.state == state]


def ablate(place: Workplace, *arguments: str) -> tuple[int, str]:
    """The exit code and output."""
    process = subprocess.run(
        [sys.executable, "-m", "ablations", *arguments],
        cwd=place.folder,
        env=place.environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    return process.returncode, process.stdout


def test_two_agents_leave_the_records_of_the_embedded_runner(
    workplace: Workplace, tmp_path: Path
) -> None:
    runs = workplace.server.runs()
    assert [run.state for run in runs] == ["finished"] * 4
    assert {run.agent for run in runs} == {"agent1", "agent2"}
    clients = {run.config["_wandb"]["value"]["cli_version"] for run in runs}
    assert clients == {workplace.version}
    code, _ = ablate(workplace, "sweep", str(SMOKE), "--runs", str(tmp_path), *ON_CPU)
    assert code == 0
    by_agents = comparable(workplace.folder / "runs" / "smoke")
    assert by_agents == comparable(tmp_path / "smoke")
    assert set(by_agents) == {config.run_id for config in CONFIGS}


def test_w_and_b_shows_what_the_runs_did(workplace: Workplace) -> None:
    """It uses the names that the guide documents."""
    records = by_id(workplace.folder / "runs")
    for run in workplace.server.runs():
        result = records[run.display_name]
        assert run.group == "smoke"
        assert RunConfig.parse(run.values) == result.config
        row = result.row()
        for name in ("miou", "val_loss", "params", "macs", "macs_direct", "train_seconds"):
            assert run.summary[name] == pytest.approx(row[name])
        assert run.summary["iou"] == pytest.approx(result.iou)
        curve = [
            (logged["trainer/global_step"], logged["val/miou"])
            for logged in run.rows
            if "val/miou" in logged
        ]
        points = [(p["step"], p["val_miou"]) for p in result.curve if "val_miou" in p]
        assert [miou for _, miou in curve] == pytest.approx([miou for _, miou in points])
        assert {"epoch", "val/loss"} <= {key for logged in run.rows for key in logged}
        cost = list(csv.DictReader(io.StringIO(run.stored["cost.csv"].content.decode())))
        assert cost[-1]["path"] == "(whole network)"
        assert float(cost[-1]["macs"]) == result.macs
        assert len(cost) == (1 if result.config.block == "none" else 2)  # one site


def test_the_report_is_the_local_one_and_is_attached(
    workplace: Workplace, tmp_path: Path
) -> None:
    [sweep] = workplace.server.sweeps()
    address = f"wandb:{sweep.path}"
    command = ["report", address, "--runs", str(tmp_path), "--wandb", "online"]
    code, page = ablate(workplace, *command)
    assert (code, "4 of the 4 planned have a record" in page) == (0, True)
    assert by_id(tmp_path / "smoke") == by_id(workplace.folder / "runs" / "smoke")
    ablate(workplace, "report", "runs/smoke", "--sweep", str(SMOKE), "--out", "local")
    local = {
        file.name: file.read_bytes() for file in (workplace.folder / "local").iterdir()
    }
    tables = [name for name in local if name.endswith((".md", ".csv", ".tex"))]
    assert len(tables) >= 7
    report = workplace.server.backend.projects["smoke"].runs_by_name["smoke-report"]
    assert (report.group, report.job_type, report.sweep) == ("smoke", "report", None)
    for name in tables:
        assert report.stored[name].content == local[name], name
    assert report.stored["comparison.svg"].content.startswith(b"<?xml")
    assert ablate(workplace, *command)[0] == 0  # again, beside the existing report


def test_a_cell_that_has_its_record_is_shown_and_not_repeated(place: Workplace) -> None:
    """A new sweep is registered; the agent works in a folder that has every record."""
    smoke(place)
    [sweep] = place.server.sweeps()
    for config in CONFIGS:
        folder = RunFolder(place.folder / "runs" / "smoke", config).path
        finished = record(config).model_copy(update={"curve": CURVE})
        finished.write(folder / "record.json")
    before = by_id(place.folder / "runs" / "smoke")
    place.run("wandb", "agent", sweep.path)
    code, page = ablate(place, "report", f"wandb:{sweep.path}", "--runs", "collected")
    assert code == 0, page
    assert by_id(place.folder / "collected") == before
    for run in place.server.runs(sweep.name):
        logged = [
            (row["trainer/global_step"], row.get("train/loss"), row.get("val/miou"))
            for row in run.rows
        ]
        assert logged == [(1, 2.0, None), (4, None, 0.5)]


def test_what_a_killed_agent_leaves_is_picked_up_and_what_is_lost_is_told(
    place: Workplace,
) -> None:
    """Its cell is lost with it; W&B does not repeat that cell, `ablate sweep` does."""
    file = smoke(place)
    [sweep] = place.server.sweeps()
    agent = place.start_agent(sweep)
    lost = place.running()
    os.kill(child_of(agent.pid), signal.SIGKILL)
    agent.kill()
    agent.wait()
    place.run("wandb", "agent", sweep.path)
    assert len(runs_of(place, "finished")) == 3
    code, error = ablate(place, "report", f"wandb:{sweep.path}")
    assert (code, "1 problems" in error) == (2, True)
    assert f"missing: {lost.display_name} (running as run {lost.name})" in error
    report = ["report", "runs/smoke", "--sweep", str(file)]
    code, page = ablate(place, *report)
    assert (code, "3 of the 4 planned have a record" in page) == (1, True)
    code, page = ablate(place, "sweep", str(file), *ON_CPU)
    assert "1 finished, 3 had a record" in page
    assert ablate(place, *report)[0] == 0


def child_of(agent: int) -> int:
    """The process that executes an agent's run."""
    listed = subprocess.run(
        ["pgrep", "-P", str(agent), "-f", "ablations"], capture_output=True, text=True
    )
    return int(listed.stdout.split()[0])


def test_failing_cells_are_told_though_the_agent_ends_well(place: Workplace) -> None:
    (place.folder / "luckless.py").write_text(LUCKLESS)
    file = smoke(place, block=["none", "luckless:Raises"], seed=0)
    [sweep] = place.server.sweeps()
    place.run("wandb", "agent", sweep.path, PYTHONPATH=str(place.folder))
    assert [run.state for run in place.server.runs()] == ["finished", "failed"]
    [failure] = (place.folder / "runs").rglob("failure.json")
    assert "fails: RuntimeError: no luck" in Failure.read(failure).reason
    code, page = ablate(place, "report", "runs/smoke", "--sweep", str(file))
    assert (code, "**Not complete**" in page, "no luck" in page) == (1, True, True)
    code, error = ablate(place, "report", f"wandb:{sweep.path}")
    assert (code, "(failed as run" in error) == (2, True)


def test_a_cancelled_sweep_stops_its_run_where_it_can_go_on(place: Workplace) -> None:
    smoke(place, max_steps=100_000)
    [sweep] = place.server.sweeps()
    agent = place.start_agent(sweep)
    place.running()
    time.sleep(3)  # some steps
    place.run("wandb", "sweep", "--cancel", sweep.path)
    place.finish(agent)
    assert (len(place.server.runs()), runs_of(place, "finished")) == (1, [])
    [run] = (place.folder / "runs" / "smoke").iterdir()
    assert not (run / "record.json").exists()


def test_a_flag_that_goes_before_the_cell_stops_its_run(place: Workplace) -> None:
    """Here the file was not checked: agent and registration are W&B's own."""
    sweep = yaml.safe_load(SMOKE.read_text())
    sweep["command"] += ["--seed", "0"]
    path = place.folder / "overridden.yaml"
    path.write_text(yaml.safe_dump(sweep))
    place.run("wandb", "sweep", "--project", "smoke", str(path))
    [registered] = place.server.sweeps()
    log = place.run("wandb", "agent", "--count", "2", registered.path)
    assert "the sweep asked for seed = 1, but the run would use 0" in log
    finished = [one.config.seed for one in read_records(place.folder / "runs")]
    assert finished == [0]  # the cell of seed 1 is not mistaken for that of seed 0


def test_offline_runs_are_a_group_once_they_are_synced(place: Workplace) -> None:
    """Killed midway and restarted: every cell is there once."""
    command = ["sweep", str(SMOKE), "--wandb", "offline", *ON_CPU]
    running = subprocess.Popen(
        [sys.executable, "-m", "ablations", *command],
        cwd=place.folder,
        env=place.environment({}),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + PATIENCE
    # the second run starts once the first has its record and has written to W&B
    while len(list(place.folder.glob("runs/smoke/*/wandb/offline-run-*"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    code, page = ablate(place, *command)
    assert (code, "0 failed, 0 waiting" in page) == (0, True)
    assert place.server.runs() == []
    folders = set(place.folder.glob("runs/smoke/*/wandb/offline-run-*"))
    place.run("wandb", "sync", *sorted(map(str, folders)))
    runs = place.server.runs()
    assert {run.display_name for run in runs} == {config.run_id for config in CONFIGS}
    assert len(runs) == 4
    assert {(run.state, run.group, run.sweep) for run in runs} == {
        ("finished", "smoke", None)
    }
    code, page = ablate(place, *command)
    assert "0 finished, 4 had a record" in page
    assert set(place.folder.glob("runs/smoke/*/wandb/offline-run-*")) == folders
    code, page = ablate(place, "report", "runs/smoke", "--wandb", "offline")
    place.run("wandb", "sync", page.splitlines()[-1])
    report = place.server.runs()[-1]
    assert (report.display_name, report.group) == ("smoke-report", "smoke")
    assert report.stored["report.md"].content.startswith(b"# smoke: ")
