"""Carry out a study through a cluster's scheduler: one array of jobs, the same records.

submitit speaks to Slurm. What the scheduler says of a job is not trusted: a run is
finished when it has a record.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import submitit

from ablations.errors import InputError
from ablations.records import Failure, has_record
from ablations.study import RunConfig
from sweeps.display import Display
from sweeps.runner import Summary, check_writable
from sweeps.worker import Message, carry_out, failure_path

if TYPE_CHECKING:
    from lightning_modules.train import Execution

POLL_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """What one run asks of the scheduler."""

    cluster: Literal["slurm", "local"] = "slurm"
    partition: str | None = None
    gpus: int = 0
    cpus: int = 1
    minutes: int = 60  # after which the job is requeued and goes on
    at_a_time: int = 256  # jobs of the array

    def executor(self, folder: Path) -> submitit.AutoExecutor:
        """Raises InputError where the scheduler is not here."""
        try:
            executor = submitit.AutoExecutor(folder=folder / "jobs", cluster=self.cluster)
        except RuntimeError as error:
            raise InputError(f"--executor {self.cluster}: {error}") from None
        asked: dict[str, Any] = {
            "timeout_min": self.minutes,
            "gpus_per_node": self.gpus,
            "cpus_per_task": self.cpus,
        }
        if self.cluster == "slurm":
            asked |= {"slurm_array_parallelism": self.at_a_time, "name": folder.name}
            if self.partition:
                asked["slurm_partition"] = self.partition
        executor.update_parameters(**asked)
        return executor


@dataclass
class Cell:
    """One run as a job; submitit calls checkpoint() before its machine is taken away."""

    config: RunConfig
    study: Path
    execution: "Execution"

    def __call__(self) -> Message:
        execution = replace(self.execution, progress_bar=False)
        return carry_out(self.config, self.study, execution, tell=lambda message: None)

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """The same run again; it goes on from its last checkpoint."""
        return submitit.helpers.DelayedSubmission(self)


def run_on_cluster(
    cells: list[RunConfig],
    folder: Path,
    execution: "Execution",
    allocation: Allocation,
    display: Display,
) -> Summary:
    """Submit every cell without record and watch until each has a record or a failure."""
    check_writable(folder)
    cells = list(dict.fromkeys(cells))
    pending = [cell for cell in cells if not has_record(cell, folder)]
    summary = Summary(recorded=len(cells) - len(pending))
    display.begin(len(cells), summary.recorded)
    for cell in pending:
        failure_path(cell, folder).unlink(missing_ok=True)  # of an earlier sweep
    if not pending:
        return summary
    executor = allocation.executor(folder)
    with executor.batch():
        jobs = [
            executor.submit(Cell(cell, folder.absolute(), execution)) for cell in pending
        ]
    watched = dict(zip(pending, jobs, strict=True))
    with display:
        try:
            while watched:
                watch(watched, folder, summary, display)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            for job in watched.values():
                job.cancel()
            summary.waiting = len(watched)
    return summary


def watch(
    watched: dict[RunConfig, submitit.Job[Message]],
    folder: Path,
    summary: Summary,
    display: Display,
) -> None:
    """Take the runs that have ended out of watched."""
    for config, job in list(watched.items()):
        ended = job.done()
        if has_record(config, folder):
            summary.finished += 1
            display.ended(config, "[green]finished[/]")
        elif ended or failure_path(config, folder).exists():
            summary.failed[config.run_id] = reason = reason_of(config, folder, job)
            display.failed(config, reason, again=False)
        else:
            continue
        del watched[config]


def reason_of(config: RunConfig, folder: Path, job: submitit.Job[Message]) -> str:
    """Of a run that ended without record; what a killed job could not write is written."""
    path = failure_path(config, folder)
    if not path.exists():
        reason = f"job {job.job_id} ended in state {job.state} without a record"
        Failure(config=config, kind="crash", reason=reason, log=job.stderr() or "").write(
            path
        )
    return Failure.read(path).reason
