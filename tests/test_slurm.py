"""A study on a real one-node Slurm: finished, cancelled, resumed, requeued."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ablations.errors import InputError
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder, read_records
from sweeps.slurm.allocation import Allocation
from sweeps.slurm.cluster import Cluster
from tests.planned_runs import planned_run
from tests.slurm_node import SlurmNode, output_of, what_is_missing
from tests.states import PATIENCE, wait_until
from tests.test_cluster import (
    SMOKE,
    cluster_of,
    hurry,
    slow,
    steps_done,
    watch_to_the_end,
)

__all__ = ["hurry"]  # the fixture

pytestmark = pytest.mark.slurm
SLURM = Allocation(minutes=20)


@pytest.fixture(scope="module", autouse=True)
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmNode]:
    if missing := what_is_missing():
        pytest.skip(missing)
    with SlurmNode(tmp_path_factory.mktemp("slurm")) as node:
        yield node


def watch_until(sweep: Cluster, steps: int) -> None:
    """Wait until slow() has done that many training steps."""
    wait_until(lambda: steps_done() >= steps, sweep.look_again)


def begin(
    folder: Path,
    allocation: Allocation = SLURM,
    config: RunConfig | None = None,
) -> Cluster:
    """A sweep of one run, by default slow(), whose job has done a few steps."""
    config = config or slow()
    sweep = cluster_of(folder, config, allocation=allocation)
    sweep.book.open()
    sweep.submit()
    watch_until(sweep, 4)
    return sweep


def tell(program: str, *arguments: str) -> None:
    subprocess.run([program, *arguments], check=True)


def start_now(job: str) -> None:
    """Skip the two minutes that a requeued job waits."""
    states = "squeue", "--noheader", "--format=%T", f"--jobs={job}"
    wait_until(lambda: "PENDING" in output_of(*states))
    tell("scontrol", "update", f"JobId={job}", "StartTime=now")


def test_the_smoke_study_runs_as_one_array(tmp_path: Path) -> None:
    sweep = cluster_of(tmp_path / "smoke", *SMOKE, allocation=SLURM)
    sweep.book.open()
    sweep.submit()
    arrays = [job.job_id.split("_") for job in sweep.watched.values()]
    assert len({array for array, _ in arrays}) == 1
    assert [task for _, task in arrays] == ["0", "1", "2", "3"]
    watch_to_the_end(sweep)
    assert (sweep.book.summary.finished, sweep.book.summary.failed) == (4, {})
    assert {record.config for record in read_records(tmp_path)} == set(SMOKE)


def test_a_job_that_is_cancelled_from_outside_has_failed_and_is_resumed(
    tmp_path: Path,
) -> None:
    sweep = begin(tmp_path / "study")
    tell("scancel", sweep.watched[planned_run(slow())].job_id)
    watch_to_the_end(sweep)
    [reason] = sweep.book.summary.failed.values()
    assert "ended without a record: CANCELLED" in reason
    assert RunFolder(tmp_path / "study", slow()).failure.exists()

    resumed = cluster_of(tmp_path / "study", slow(), allocation=SLURM).run()
    assert (resumed.finished, resumed.failed) == (1, {})
    assert steps_done() == slow().max_steps
    [record] = read_records(tmp_path)
    assert record.failures == (reason,)


def test_a_cancelled_job_is_retried_if_that_is_wanted(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "study", Allocation(minutes=20, retries=1))
    tell("scancel", sweep.watched[planned_run(slow())].job_id)
    watch_to_the_end(sweep)
    assert (sweep.book.summary.finished, sweep.book.summary.repeated) == (1, 1)
    assert steps_done() == slow().max_steps


@pytest.mark.parametrize("how", ["warned", "requeued"])
def test_a_preempted_job_resumes_after_the_step_it_was_at(how: str, tmp_path: Path) -> None:
    """Slurm warns with submitit's signal, or stops and requeues the job itself."""
    sweep = begin(tmp_path / "study")
    job = sweep.watched[planned_run(slow())].job_id
    if how == "warned":
        tell("scancel", "--signal=USR2", job)
    else:
        tell("scontrol", "requeue", job)
    start_now(job)
    watch_to_the_end(sweep)
    assert (sweep.book.summary.finished, sweep.book.summary.failed) == (1, {})
    assert steps_done() == slow().max_steps
    assert RunFolder(tmp_path / "study", slow()).failures() == ()


def test_a_run_resumes_after_its_time_limit(tmp_path: Path) -> None:
    """Slurm warns at least 90 s ahead: half of the three minutes remain."""
    long = slow().changed(max_steps=2000)
    sweep = begin(tmp_path / "study", Allocation(minutes=3), config=long)
    job = sweep.watched[planned_run(long)].job_id
    job_states = "scontrol", "show", "job", job
    wait_until(lambda: "Restarts=1" in output_of(*job_states), sweep.look_again)
    before = steps_done()
    start_now(job)
    watch_until(sweep, before + 2)
    tell("scancel", job)
    watch_to_the_end(sweep)
    last = RunFolder(tmp_path / "study", long).checkpoint
    assert torch.load(last, weights_only=True)["global_step"] == steps_done() < 2000


def test_jobs_of_an_earlier_start_are_watched_and_not_repeated(tmp_path: Path) -> None:
    earlier = begin(tmp_path / "study")
    later = cluster_of(tmp_path / "study", slow(), allocation=SLURM)
    summary = later.run()
    assert (summary.finished, summary.failed) == (1, {})
    assert steps_done() == slow().max_steps
    assert len(list((tmp_path / "study" / "jobs").glob("*_submitted.pkl"))) == 1
    earlier.look()
    assert earlier.book.summary.finished == 1


def test_one_interrupt_cancels_waiting_jobs_and_two_stop_all(tmp_path: Path) -> None:
    first, second = slow(), slow().changed(seed=1)
    sweep = cluster_of(tmp_path / "study", first, second, allocation=Allocation(jobs=1))
    sweep.book.open()
    sweep.submit()
    watch_until(sweep, 4)
    sweep.interrupts.times = 1
    summary = sweep.run()
    assert (summary.finished, summary.failed, summary.waiting) == (1, {}, 1)
    assert not (tmp_path / "study" / second.run_id / "log.txt").exists()


def test_what_sbatch_refuses_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="invalid partition"):
        cluster_of(tmp_path, slow(), allocation=Allocation(partition="nowhere")).run()


def test_the_command_runs_a_study_through_slurm(tmp_path: Path) -> None:
    smoke = Path(__file__).parents[1] / "sweeps" / "smoke.yaml"
    command = [sys.executable, "-m", "ablations", "sweep", str(smoke), "--minutes", "20"]
    command += ["--executor", "slurm", "--partition", "main", "--sbatch", "mem=2G"]
    command += ["--cpus-per-run", "2", "--accelerator", "cpu", "--runs", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert "4 finished, 0 had a record, 0 failed, 0 waiting" in result.stdout
    assert result.returncode == 0
