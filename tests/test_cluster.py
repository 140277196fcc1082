"""A study through a scheduler leaves the records of one that ran here."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from ablations.errors import InputError
from ablations.records import read_records
from ablations.study import RunConfig
from ablations.sweep_file import load_study
from lightning_modules.train import Execution
from sweeps.cluster import Allocation, run_on_cluster
from sweeps.display import Display
from sweeps.runner import Summary
from tests.slurm_node import SlurmNode, what_is_missing

SMOKE = list(load_study(Path(__file__).parents[1] / "sweeps" / "smoke.yaml").runs())
EXECUTION = Execution(accelerator="cpu")


def submit(cells: list[RunConfig], folder: Path, allocation: Allocation) -> Summary:
    display = Display(Console(file=io.StringIO()))
    return run_on_cluster(cells, folder, EXECUTION, allocation, display)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # submitit's
def test_a_study_runs_through_submitit_and_is_not_repeated(tmp_path: Path) -> None:
    local = Allocation(cluster="local")
    wrong = RunConfig.parse(SMOKE[0].model_dump() | {"image_size": 40})
    summary = submit([SMOKE[0], wrong], tmp_path, local)
    assert summary.finished == 1
    assert "not divisible" in summary.failed[wrong.run_id]
    assert [record.config for record in read_records(tmp_path)] == [SMOKE[0]]
    again = submit([SMOKE[0]], tmp_path, local)
    assert (again.recorded, again.finished) == (1, 0)


def test_a_scheduler_that_is_not_here_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="--executor slurm"):
        submit(SMOKE, tmp_path / "study", Allocation(cluster="slurm"))


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmNode]:
    if missing := what_is_missing():
        pytest.skip(missing)
    with SlurmNode(tmp_path_factory.mktemp("slurm")) as node:
        yield node


@pytest.mark.slurm
def test_the_smoke_study_runs_through_slurm(slurm: SlurmNode, tmp_path: Path) -> None:
    summary = submit(SMOKE, tmp_path, Allocation(minutes=5))
    assert (summary.finished, summary.failed) == (4, {})
    assert {record.config for record in read_records(tmp_path)} == set(SMOKE)
