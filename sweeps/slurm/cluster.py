"""Carry out a study through a cluster's scheduler: arrays of jobs, the same records.

A run is finished when it has a record, and has failed when it has a failure; the scheduler
is only asked for jobs that ended without either. Jobs outlive this process: a sweep that is
started again watches those that are still there.
"""

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import submitit

from ablations.errors import InputError
from ablations.records import FailureKind, tail
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from sweeps.display import Display
from sweeps.interrupts import Interrupts
from sweeps.local.logs import last_line
from sweeps.local.resources import Summary, check_writable
from sweeps.slurm import scheduler
from sweeps.slurm.run_job import Job
from sweeps.slurm.scheduler import ENDED, Allocation, Submitted

if TYPE_CHECKING:
    from lightning_modules.train import Execution

POLL_SECONDS = 1.0  # between looks at the folder
ASK_SECONDS = 10.0  # between questions to the scheduler
GRACE_SECONDS = 30.0  # until a job's record must be seen; network file systems are slow

KINDS: dict[str, FailureKind] = {"TIMEOUT": "time-out", "OUT_OF_MEMORY": "out of memory"}


class Cluster:
    """Submits every cell without record and watches until each has ended."""

    def __init__(
        self,
        cells: list[RunConfig],
        folder: Path,
        execution: "Execution",
        allocation: Allocation,
        retries: int,
        display: Display,
    ) -> None:
        self.cells = cells = list(dict.fromkeys(cells))  # a repeated cell is one run
        self.pending = [cell for cell in cells if not RunFolder(folder, cell).has_record()]
        self.summary = Summary(recorded=len(cells) - len(self.pending))
        self.folder, self.execution, self.allocation = folder, execution, allocation
        self.retries, self.display = retries, display
        self.interrupts = Interrupts(display)
        self.watched: dict[RunConfig, Submitted] = {}
        self.failed_before: dict[RunConfig, int] = {}  # attempts at each watched run
        self.attempts: Counter[RunConfig] = Counter()
        self.asked = 0.0
        self.gone: dict[RunConfig, float] = {}  # since when, of jobs without a record

    def run(self) -> Summary:
        """Until every job has ended; the first interrupt cancels those that wait."""
        check_writable(self.folder)
        self.display.begin(self.cells, self.summary.recorded)
        with self.display, self.interrupts:
            if self.pending:
                self.find_earlier_jobs()
                self.submit([cell for cell in self.pending if cell not in self.watched])
            while self.watched and not self.interrupts.times:
                self.look_again()
            scheduler.cancel(list(self.watched.values()), waiting_only=True)
            while self.watched and self.interrupts.times < 2:
                self.look_again()
            scheduler.cancel(list(self.watched.values()), waiting_only=False)
        self.summary.waiting += len(self.watched)
        return self.summary

    def find_earlier_jobs(self) -> None:
        """Watch the jobs of an earlier start that the scheduler still has."""
        if self.allocation.cluster == "local":
            return  # a run that an earlier job holds is waited for by its new job
        jobs: dict[RunConfig, Submitted] = {
            cell: submitit.SlurmJob(self.folder / "jobs", path.read_text())
            for cell in self.pending
            if (path := self.folder_of(cell).job).exists()
        }
        if not jobs:
            return
        self.count_failures(list(jobs))  # before the question: a job may fail meanwhile
        known = scheduler.states(list(jobs.values()))
        if known is None:
            raise InputError("squeue does not answer: are earlier jobs still running?")
        for cell, job in jobs.items():
            if known.get(job.job_id, "COMPLETED") not in ENDED:
                self.watched[cell] = job
        self.display.say(f"{len(self.watched)} jobs of an earlier start are still there")

    def submit(self, cells: list[RunConfig]) -> None:
        self.count_failures(cells)  # a job may fail before the last one is submitted
        jobs = [Job(cell, self.folder.absolute(), self.execution) for cell in cells]
        submitted = scheduler.submit(jobs, self.folder, self.allocation)
        for cell, job in zip(cells, submitted, strict=True):
            path = self.folder_of(cell).job
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(job.job_id)
            self.watched[cell] = job

    def folder_of(self, cell: RunConfig) -> RunFolder:
        return RunFolder(self.folder, cell)

    def count_failures(self, cells: list[RunConfig]) -> None:
        """A failure that is not among these is the end of a watched job."""
        for cell in cells:
            self.failed_before[cell] = len(self.folder_of(cell).failures())

    def look_again(self) -> None:
        time.sleep(POLL_SECONDS)
        self.interrupts.announce()
        self.look()
        if self.watched and time.monotonic() - self.asked >= ASK_SECONDS:
            self.asked = time.monotonic()
            self.ask()

    def look(self) -> None:
        """Take the runs with a record or a failure out of those that are watched."""
        for cell in list(self.watched):
            if self.folder_of(cell).has_record():
                self.summary.finished += 1
                self.leave(cell)
                self.display.ended(cell, "[green]finished[/]")
            elif len(reasons := self.folder_of(cell).failures()) > self.failed_before[cell]:
                self.leave(cell)
                self.fail(cell, reasons[-1])

    def leave(self, cell: RunConfig) -> None:
        """Do not watch a run any more."""
        del self.watched[cell]
        self.gone.pop(cell, None)

    def ask(self) -> None:
        """What the scheduler says; a job that it knows no more is a failure."""
        known = scheduler.states(list(self.watched.values()))
        if known is None:  # it is being restarted, perhaps
            return
        for cell, job in list(self.watched.items()):
            state = known.get(job.job_id, "UNKNOWN")
            if state not in ENDED | {"UNKNOWN"}:
                self.gone.pop(cell, None)
                self.show(cell, state)
            elif self.asked - self.gone.setdefault(cell, self.asked) >= GRACE_SECONDS:
                self.note(cell, job, state)

    def show(self, cell: RunConfig, state: str) -> None:
        if state == "RUNNING":
            self.display.started(cell)
        else:
            self.display.postponed(cell)

    def note(self, cell: RunConfig, job: Submitted, state: str) -> None:
        """Write the failure that a killed job could not write, unless we cancelled it.

        What the job itself has left since the last look is for the next one.
        """
        failed = len(self.folder_of(cell).failures()) > self.failed_before[cell]
        if failed or self.folder_of(cell).has_record():
            return
        if self.interrupts.times:
            self.leave(cell)
            self.display.postponed(cell)
            self.summary.waiting += 1
            return
        log = tail(job.stderr() or "")
        reason = f"job {job.job_id} ended without a record: {state} {last_line(log)}"
        kind = KINDS.get(state, "crash")
        self.folder_of(cell).note_failure(kind, reason.strip(), log)

    def fail(self, cell: RunConfig, reason: str) -> None:
        """A failed attempt, after which others follow if wanted."""
        self.attempts[cell] += 1
        again = self.attempts[cell] <= self.retries and not self.interrupts.times
        self.display.failed(cell, reason, again)
        if again:
            self.summary.repeated += 1
            self.display.postponed(cell)
            self.submit([cell])
        else:
            self.summary.failed[cell.run_id] = reason
