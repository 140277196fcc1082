"""Carry out a study through a cluster's scheduler: arrays of jobs, the same records.

A run is finished when it has a record, and has failed when it has a failure; the scheduler
is only asked for jobs that ended without either. Jobs outlive this process: a sweep that is
started again watches those that are still there.
"""

import time
from collections import Counter
from collections.abc import Iterable

import submitit

from ablations.errors import InputError
from ablations.records import FailureKind, tail
from lightning_modules.execution import Execution
from sweeps.display import Display
from sweeps.interrupts import Interrupts
from sweeps.local.logs import last_line
from sweeps.local.resources import check_writable
from sweeps.outcome import Summary
from sweeps.slurm import scheduler
from sweeps.slurm.allocation import Allocation
from sweeps.slurm.run_job import Job
from sweeps.slurm.scheduler import ENDED, Submitted
from sweeps.study.study import Launch, PlannedRun

POLL_SECONDS = 1.0  # between looks at the folder
ASK_SECONDS = 10.0  # between questions to the scheduler
GRACE_SECONDS = 30.0  # until a job's record must be seen; network file systems are slow

KINDS: dict[str, FailureKind] = {"TIMEOUT": "time-out", "OUT_OF_MEMORY": "out of memory"}


class Cluster:
    """Submits every cell without record and watches until each has ended."""

    def __init__(
        self,
        runs: Iterable[PlannedRun],
        launch: Launch,
        execution: Execution,
        allocation: Allocation,
        display: Display,
    ) -> None:
        self.runs = list(dict.fromkeys(runs))  # a repeated cell is one run
        self.launch, self.folder = launch, launch.study_folder
        self.pending = [
            run for run in self.runs if not self.launch.folder(run).has_record()
        ]
        self.summary = Summary(recorded=len(self.runs) - len(self.pending))
        self.execution, self.allocation = execution, allocation
        self.display = display
        self.interrupts = Interrupts(display)
        self.watched: dict[PlannedRun, Submitted] = {}
        self.failed_before: dict[PlannedRun, int] = {}  # attempts at each watched run
        self.attempts: Counter[PlannedRun] = Counter()
        self.asked = 0.0
        self.gone: dict[PlannedRun, float] = {}  # since when, of jobs without a record

    def run(self) -> Summary:
        """Until every job has ended; the first interrupt cancels those that wait."""
        check_writable(self.folder)
        self.display.begin([run.config for run in self.runs], self.summary.recorded)
        with self.display, self.interrupts:
            if self.pending:
                self.find_earlier_jobs()
                self.submit([run for run in self.pending if run not in self.watched])
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
        jobs: dict[PlannedRun, Submitted] = {
            run: submitit.SlurmJob(self.folder / "jobs", path.read_text())
            for run in self.pending
            if (path := self.launch.folder(run).job).exists()
        }
        if not jobs:
            return
        self.count_failures(list(jobs))  # before the question: a job may fail meanwhile
        known = scheduler.states(list(jobs.values()))
        if known is None:
            raise InputError("squeue does not answer: are earlier jobs still running?")
        for run, job in jobs.items():
            if known.get(job.job_id, "COMPLETED") not in ENDED:
                self.watched[run] = job
        self.display.say(f"{len(self.watched)} jobs of an earlier start are still there")

    def submit(self, runs: list[PlannedRun]) -> None:
        self.count_failures(runs)  # a job may fail before the last one is submitted
        launch = self.launch._replace(study_folder=self.folder.absolute())
        jobs = [Job(run, launch, self.execution) for run in runs]
        submitted = scheduler.submit(jobs, self.folder, self.allocation)
        for run, job in zip(runs, submitted, strict=True):
            path = self.launch.folder(run).job
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(job.job_id)
            self.watched[run] = job

    def count_failures(self, runs: list[PlannedRun]) -> None:
        """A failure that is not among these is the end of a watched job."""
        for run in runs:
            self.failed_before[run] = len(self.launch.folder(run).failures())

    def look_again(self) -> None:
        time.sleep(POLL_SECONDS)
        self.interrupts.announce()
        self.look()
        if self.watched and time.monotonic() - self.asked >= ASK_SECONDS:
            self.asked = time.monotonic()
            self.ask()

    def look(self) -> None:
        """Take the runs with a record or a failure out of those that are watched."""
        for run in list(self.watched):
            if self.launch.folder(run).has_record():
                self.summary.finished += 1
                self.leave(run)
                self.display.ended(run.config, "[green]finished[/]")
            elif (
                len(reasons := self.launch.folder(run).failures()) > self.failed_before[run]
            ):
                self.leave(run)
                self.fail(run, reasons[-1])

    def leave(self, run: PlannedRun) -> None:
        """Do not watch a run any more."""
        del self.watched[run]
        self.gone.pop(run, None)

    def ask(self) -> None:
        """What the scheduler says; a job that it knows no more is a failure."""
        known = scheduler.states(list(self.watched.values()))
        if known is None:  # it is being restarted, perhaps
            return
        for run, job in list(self.watched.items()):
            state = known.get(job.job_id, "UNKNOWN")
            if state not in ENDED | {"UNKNOWN"}:
                self.gone.pop(run, None)
                self.show(run, state)
            elif self.asked - self.gone.setdefault(run, self.asked) >= GRACE_SECONDS:
                self.note(run, job, state)

    def show(self, run: PlannedRun, state: str) -> None:
        if state == "RUNNING":
            self.display.started(run.config)
        else:
            self.display.postponed(run.config)

    def note(self, run: PlannedRun, job: Submitted, state: str) -> None:
        """Write the failure that a killed job could not write, unless we cancelled it.

        What the job itself has left since the last look is for the next one.
        """
        failed = len(self.launch.folder(run).failures()) > self.failed_before[run]
        if failed or self.launch.folder(run).has_record():
            return
        if self.interrupts.times:
            self.leave(run)
            self.display.postponed(run.config)
            self.summary.waiting += 1
            return
        log = tail(job.stderr() or "")
        reason = f"job {job.job_id} ended without a record: {state} {last_line(log)}"
        kind = KINDS.get(state, "crash")
        self.launch.folder(run).note_failure(kind, reason.strip(), log)

    def fail(self, run: PlannedRun, reason: str) -> None:
        """A failed attempt, after which others follow if wanted."""
        self.attempts[run] += 1
        again = self.attempts[run] <= self.allocation.retries and not self.interrupts.times
        self.display.failed(run.config, reason, again)
        if again:
            self.summary.repeated += 1
            self.display.postponed(run.config)
            self.submit([run])
        else:
            self.summary.failed[run.config.run_id] = reason
