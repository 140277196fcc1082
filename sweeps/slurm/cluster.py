"""Carry out a study through a cluster's scheduler: arrays of jobs, the same records.

A run has finished when it has a record, and failed when it has a failure; the scheduler is
asked only about jobs that ended without either. Jobs outlive this process: restarting the
sweep watches the jobs that still exist.
"""

import time

import submitit

from ablations.errors import InputError
from ablations.records import FailureKind, tail
from ablations.whole_file import write_whole
from lightning_modules.execution import Execution
from sweeps.attempt import Attempt
from sweeps.book import Book
from sweeps.interrupts import Interrupts
from sweeps.local.logs import last_line
from sweeps.outcome import Summary
from sweeps.slurm import scheduler
from sweeps.slurm.allocation import Allocation
from sweeps.slurm.run_job import Job
from sweeps.slurm.scheduler import ENDED, Submitted
from sweeps.study.study import PlannedRun

POLL_SECONDS = 1.0  # between checks of the folder
ASK_SECONDS = 10.0  # between queries to the scheduler
GRACE_SECONDS = 30.0  # for a job's record to appear; network file systems are slow

KINDS: dict[str, FailureKind] = {"TIMEOUT": "time-out", "OUT_OF_MEMORY": "out of memory"}


class Cluster:
    """Submits the pending runs of a book and watches until each has ended."""

    def __init__(self, book: Book, execution: Execution, allocation: Allocation) -> None:
        self.book, self.execution, self.allocation = book, execution, allocation
        self.study_folder = book.launch.study_folder
        self.interrupts = Interrupts(book.display)
        self.watched: dict[PlannedRun, Submitted] = {}
        self.last_query = 0.0
        self.gone_since: dict[PlannedRun, float] = {}  # of jobs without a record

    def run(self) -> Summary:
        """Runs until every job has ended; the first interrupt cancels those that wait."""
        self.book.open()
        with self.book.display, self.interrupts:
            self.find_earlier_jobs()
            self.submit()
            while self.watched and not self.interrupts.times:
                self.look_again()
            scheduler.cancel(list(self.watched.values()), waiting_only=True)
            while self.watched and self.interrupts.times < 2:
                self.look_again()
            scheduler.cancel(list(self.watched.values()), waiting_only=False)
        return self.book.close()

    def find_earlier_jobs(self) -> None:
        """Watch the jobs from an earlier start that the scheduler still has."""
        if self.allocation.cluster == "local":
            return  # a new job waits for the earlier one that holds its run
        jobs = self.earlier_jobs()
        if not jobs:
            return
        # before the query: a job may fail in the meantime
        attempts = {run: Attempt(self.book.launch.folder(run)) for run in jobs}
        states = scheduler.states(list(jobs.values()))
        if states is None:
            raise InputError("squeue does not answer; earlier jobs may still be running")
        for run, job in jobs.items():
            if states.get(job.job_id, "COMPLETED") not in ENDED:
                self.book.pending.remove(run)
                self.book.running[run] = attempts[run]
                self.watched[run] = job
        line = f"{len(self.watched)} jobs from an earlier start are still queued or running"
        self.book.display.say(line)

    def earlier_jobs(self) -> dict[PlannedRun, Submitted]:
        """The last job of each pending run that has had one."""
        return {
            run: submitit.SlurmJob(self.study_folder / "jobs", path.read_text())
            for run in self.book.pending
            if (path := self.book.launch.folder(run).job).exists()
        }

    def submit(self) -> None:
        """Submit a job for each pending run."""
        runs = list(iter(self.book.next_pending, None))
        if not runs:
            return
        for run in runs:  # a job may fail before the last one is submitted
            self.book.begin(run)
        launch = self.book.launch.absolute()
        jobs = [Job(run, launch, self.execution) for run in runs]
        submitted = scheduler.submit(jobs, self.study_folder, self.allocation)
        for run, job in zip(runs, submitted, strict=True):
            write_whole(self.book.launch.folder(run).job, job.job_id.encode())
            self.watched[run] = job

    def look_again(self) -> None:
        time.sleep(POLL_SECONDS)
        self.interrupts.announce()
        self.look()
        if self.watched and time.monotonic() - self.last_query >= ASK_SECONDS:
            self.last_query = time.monotonic()
            self.ask()

    def look(self) -> None:
        """Stop watching the runs that have a record or a failure, and submit retries."""
        for run in list(self.watched):
            if self.book.has_record(run):
                self.stop_watching(run)
                self.book.finish(run)
            elif (reason := self.book.running[run].failure()) is not None:
                self.stop_watching(run)
                self.book.fail(run, reason, retry=not self.interrupts.times)
        if not self.interrupts.times:
            self.submit()  # retries

    def stop_watching(self, run: PlannedRun) -> None:
        del self.watched[run]
        self.gone_since.pop(run, None)

    def ask(self) -> None:
        """Query the scheduler; a job that it no longer knows has failed."""
        states = scheduler.states(list(self.watched.values()))
        if states is None:  # it may be restarting
            return
        for run, job in list(self.watched.items()):
            state = states.get(job.job_id, "UNKNOWN")
            if state not in ENDED | {"UNKNOWN"}:
                self.gone_since.pop(run, None)
                self.show(run, state)
                continue
            gone_since = self.gone_since.setdefault(run, self.last_query)
            if self.last_query - gone_since >= GRACE_SECONDS:
                self.note_failure(run, job, state)

    def show(self, run: PlannedRun, state: str) -> None:
        if state == "RUNNING":
            self.book.display.started(run.config)
        else:
            self.book.display.postponed(run.config)

    def note_failure(self, run: PlannedRun, job: Submitted, state: str) -> None:
        """Record the failure that a killed job could not record, unless we cancelled it.

        Anything that the job recorded since the last look is left to the next one.
        """
        attempt = self.book.running[run]
        if attempt.failure() is not None or self.book.has_record(run):
            return
        if self.interrupts.times:
            self.stop_watching(run)
            self.book.put_back(run)
            return
        log = tail(job.stderr() or "")
        reason = f"job {job.job_id} ended without a record: {state} {last_line(log)}"
        attempt.note_failure(KINDS.get(state, "crash"), reason.strip(), log)
