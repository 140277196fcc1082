"""A sweep is collected from W&B in full, or refused with a list of problems."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ablations.errors import InputError
from ablations.run_config import RunConfig
from ablations.run_folder import read_records
from sweeps.collect import collect
from tests.fake_wandb import ENTITY, FakeWandb, Run, Sweep
from tests.fake_wandb.backend import Project
from tests.planned_runs import configs
from tests.test_records import record

CELLS = 60  # wandb requests ten or fifty at a time
SWEEP = {
    "name": "many",
    "method": "grid",
    "parameters": {"seed": {"values": list(range(CELLS))}, "lr": {"value": 10.0}},
}


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sweep]:
    """A sweep in the stand-in with a finished run for every cell."""
    with FakeWandb() as server:
        for name, value in server.environment(tmp_path).items():
            monkeypatch.setenv(name, value)
        project = server.backend.projects["p"] = Project("p", 1)
        sweep = project.sweeps["s"] = Sweep("s", project, yaml.safe_dump(SWEEP))
        for _ in range(CELLS):
            finish(sweep.hand_out("agent"), project)
        yield sweep


def finish(command: dict[str, Any], project: Project) -> Run:
    run = project.runs_by_name[command["run_id"]]
    config = RunConfig.parse(run.values)
    run.state, run.summary = "finished", {"record": record(config).model_dump_json()}
    return run


def address(sweep: Sweep) -> str:
    return f"wandb:{ENTITY}/{sweep.project.name}/{sweep.name}"


@pytest.mark.slow
def test_every_page_of_a_long_sweep_is_read(sweep: Sweep, tmp_path: Path) -> None:
    folder, study = collect(address(sweep), tmp_path / "runs")
    assert (folder, study.name) == (tmp_path / "runs" / "many", "many")
    results = {read.config for read in read_records(folder)}
    assert results == set(configs(study))
    assert len(results) == CELLS


def test_missing_and_repeated_cells_are_listed(sweep: Sweep, tmp_path: Path) -> None:
    lost, twice, later = sweep.members[0], sweep.members[2], sweep.members[-1]
    lost.state = "failed"
    sweep.members.remove(later)
    del sweep.project.runs_by_name[later.name]
    extra = Run("extra", sweep.project, sweep, summary=twice.summary, config=twice.config)
    extra.state = "finished"
    sweep.project.runs_by_name["extra"] = extra
    with pytest.raises(InputError) as refused:
        collect(address(sweep), tmp_path / "runs")
    ids = [RunConfig(seed=seed, lr=10.0).run_id for seed in (0, 2, CELLS - 1)]
    message = str(refused.value)
    assert "3 problems" in message
    assert f"missing: {ids[0]} (failed as run {lost.name})" in message
    assert f"recorded 2 times: {ids[1]}" in message
    assert f"missing: {ids[2]} (not handed out)" in message
    assert not (tmp_path / "runs").exists()


def test_a_record_that_was_changed_at_w_and_b_is_named(
    sweep: Sweep, tmp_path: Path
) -> None:
    run = sweep.members[3]
    run.summary = {"record": json.dumps({"miou": 2})}
    with pytest.raises(InputError, match=f"run {run.name}: "):
        collect(address(sweep), tmp_path / "runs")


@pytest.mark.parametrize("address", ["wandb:../../etc", "wandb:a/b", "a/b/c", "wandb:a/b/"])
def test_an_address_that_is_none_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ENTITY/PROJECT/SWEEP"):
        collect(address, tmp_path)


def test_a_sweep_that_is_not_there_is_named(sweep: Sweep, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"wandb:{ENTITY}/p/other: "):
        collect(f"wandb:{ENTITY}/p/other", tmp_path)
