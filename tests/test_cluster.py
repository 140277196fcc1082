"""A study run by a scheduler leaves the same records as one that ran here.

submitit's local executor stands in for a scheduler; test_slurm.py uses a real one.
"""

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import submitit
from rich.console import Console

from ablations.errors import InputError
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder, read_records
from lightning_modules.execution import Execution
from sweeps.book import Book
from sweeps.display import Display
from sweeps.slurm import cluster, scheduler
from sweeps.slurm.allocation import Allocation
from sweeps.slurm.cluster import Cluster
from sweeps.slurm.scheduler import Submitted
from sweeps.study.sweep_file import load_study
from tests.planned_runs import configs, launch, planned_run
from tests.states import PATIENCE, wait_until
from tests.test_records import record

SMOKE = configs(load_study(Path(__file__).parents[1] / "sweeps" / "smoke.yaml"))
EXECUTION = Execution(accelerator="cpu")
LOCAL = Allocation(cluster="local")
TWICE = Allocation(cluster="local", retries=1)

SLOW_BLOCK = """
import pathlib, time
from torch import nn

class Slow(nn.Identity):
    def __init__(self, channels):
        super().__init__()
    def forward(self, x):
        if self.training:
            time.sleep(0.5)
            with open("steps", "a") as steps:
                steps.write("x")
        return x
"""


def slow() -> RunConfig:
    """Create it where its block can be found: the source is part of the configuration."""
    return SMOKE[0].changed(block="slow_block:Slow", max_steps=12)


@pytest.fixture(autouse=True)
def local_jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Submitted]]:
    """The jobs of a test; on exit its local ones have ended and been waited for."""
    jobs: list[Submitted] = []
    submit = scheduler.submit

    def remember(*arguments: Any) -> list[Submitted]:
        jobs.extend(submitted := submit(*arguments))
        return submitted

    monkeypatch.setattr(scheduler, "submit", remember)
    yield jobs
    for job in jobs:
        if isinstance(job, submitit.LocalJob):
            job.cancel()
            assert job._process is not None
            job._process.wait(PATIENCE)


@pytest.fixture(autouse=True)
def hurry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_block.py").write_text(SLOW_BLOCK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(cluster, "ASK_SECONDS", 0.5)
    monkeypatch.setattr(cluster, "GRACE_SECONDS", 2.0)


def watch_to_the_end(sweep: Cluster) -> None:
    wait_until(lambda: not sweep.watched, sweep.look_again)


def steps_done() -> int:
    """Training steps of slow(), summed over all sessions."""
    return len(Path("steps").read_text()) if Path("steps").exists() else 0


def cluster_of(
    folder: Path, *configs: RunConfig, allocation: Allocation = LOCAL
) -> Cluster:
    display = Display(Console(file=io.StringIO(), width=200))
    book = Book(map(planned_run, configs), launch(folder), allocation.retries, display)
    return Cluster(book, EXECUTION, allocation)


@pytest.mark.slow
def test_a_study_runs_through_submitit_and_is_not_repeated(tmp_path: Path) -> None:
    wrong = RunConfig.parse(SMOKE[0].model_dump() | {"image_size": 40})
    summary = cluster_of(tmp_path / "study", SMOKE[0], wrong, allocation=TWICE).run()
    assert (summary.finished, summary.repeated) == (1, 1)
    assert "not divisible" in summary.failed[wrong.run_id]
    assert len(RunFolder(tmp_path / "study", wrong).failures()) == 2
    assert [record.config for record in read_records(tmp_path)] == [SMOKE[0]]
    again = cluster_of(tmp_path / "study", SMOKE[0]).run()
    assert (again.recorded, again.finished) == (1, 0)


def task_of(controller: str) -> int:
    """The process id of a local job's task; the job id is that of its controller."""
    [task] = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()
    return int(task)


def send_after(sweep: Cluster, steps: int, number: signal.Signals) -> None:
    """Start a sweep of slow() and send its job a signal after that many steps."""
    sweep.book.open()
    sweep.submit()
    wait_until(lambda: steps_done() >= steps)
    os.kill(task_of(sweep.watched[planned_run(slow())].job_id), number)


@pytest.mark.slow  # tests/test_slurm.py preempts a job of a real Slurm
def test_a_requeued_job_resumes_after_the_step_it_was_at(tmp_path: Path) -> None:
    sweep = cluster_of(tmp_path / "study", slow())
    send_after(sweep, 3, signal.SIGUSR2)  # sent by Slurm before it reclaims a machine
    watch_to_the_end(sweep)
    assert (sweep.book.summary.finished, sweep.book.summary.failed) == (1, {})
    assert steps_done() == slow().max_steps
    [log] = (tmp_path / "study" / "jobs").glob("*_log.err")
    assert "Caught signal SIGUSR2" in log.read_text()


@pytest.mark.slow
def test_a_job_that_is_killed_is_a_crash(tmp_path: Path) -> None:
    sweep = cluster_of(tmp_path / "study", slow())
    send_after(sweep, 1, signal.SIGKILL)
    watch_to_the_end(sweep)
    assert "ended without a record: COMPLETED" in sweep.book.summary.failed[slow().run_id]
    assert RunFolder(tmp_path / "study", slow()).failure.exists()


@pytest.mark.slow
def test_a_run_of_an_earlier_start_is_not_run_twice(tmp_path: Path) -> None:
    first, second = (cluster_of(tmp_path / "study", slow()) for _ in range(2))
    first.book.open()
    first.submit()
    second.run()
    [record] = read_records(tmp_path)
    assert isinstance(record, RunRecord)
    assert steps_done() == slow().max_steps
    first.look()
    assert first.book.summary.finished == second.book.summary.finished == 1


def test_a_scheduler_that_is_not_here_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="--executor slurm"):
        cluster_of(tmp_path / "study", SMOKE[0], allocation=Allocation()).run()


def test_squeue_that_does_not_answer_is_not_taken_for_an_empty_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = RunFolder(tmp_path / "study", SMOKE[0]).job
    path.parent.mkdir(parents=True)
    path.write_text("7_0")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="squeue does not answer"):
        cluster_of(tmp_path / "study", SMOKE[0], allocation=Allocation()).run()


@pytest.fixture
def end_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        scheduler, "states", lambda jobs: {job.job_id: "CANCELLED" for job in jobs}
    )
    monkeypatch.setattr(
        scheduler, "submit", lambda jobs, *rest: [StandIn(str(id(job))) for job in jobs]
    )
    monkeypatch.setattr(cluster, "GRACE_SECONDS", 0.0)


class StandIn:
    """A submitted job that has printed nothing."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id

    def stderr(self) -> str:
        return ""


def leave_failure(folder: Path) -> None:
    RunFolder(folder, slow()).note_failure("error", "its own")


@pytest.mark.parametrize("left", ["nothing", "failure", "record", "both"])
@pytest.mark.usefixtures("end_all")
def test_a_job_that_fails_is_cancelled_and_gets_a_record_has_ended_once(
    left: str, tmp_path: Path
) -> None:
    sweep = cluster_of(tmp_path / "study", slow())
    sweep.book.open()
    sweep.submit()
    sweep.look()
    if left in ("failure", "both"):  # between two looks, after the scheduler was queried
        leave_failure(tmp_path / "study")
    if left in ("record", "both"):
        record(slow()).write(RunFolder(tmp_path / "study", slow()).record)
    sweep.ask()
    sweep.ask()
    sweep.look()
    sweep.look()
    assert sweep.watched == {}
    assert sweep.book.summary.finished == (left in ("record", "both"))
    assert len(sweep.book.summary.failed) == (left in ("nothing", "failure"))
    noted = RunFolder(tmp_path / "study", slow()).failures()
    assert len(noted) == (left != "record")


@pytest.mark.usefixtures("end_all")
def test_a_job_that_fails_while_others_are_submitted_has_failed_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit(jobs: list[object], *rest: object) -> list[StandIn]:
        leave_failure(tmp_path / "study")
        return [StandIn("1") for _ in jobs]

    monkeypatch.setattr(scheduler, "submit", submit)
    sweep = cluster_of(tmp_path / "study", slow())
    sweep.book.open()
    sweep.submit()
    sweep.look()
    assert sweep.book.summary.failed == {slow().run_id: "its own"}
    assert RunFolder(tmp_path / "study", slow()).failures() == ("its own",)
