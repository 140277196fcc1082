"""Carry out a study on this machine, with the same records as W&B agents on many.

What has a record is not run again; what fails is recorded and does not stop the others.
Runners on the same folder share its runs: a run belongs to the process that holds it.
"""

import time
from multiprocessing.connection import wait

from ablations.errors import InputError, UnwritableError
from ablations.records import FailureKind
from lightning_modules.execution import Execution
from sweeps.book import Book
from sweeps.interrupts import Interrupts
from sweeps.local.logs import last_line, log_end
from sweeps.local.one_run import Message
from sweeps.local.resources import Resources
from sweeps.local.worker import Worker
from sweeps.outcome import Summary
from sweeps.study.study import PlannedRun

LOOK_SECONDS = 0.2  # between looks, if nobody says anything
MOST_SECONDS = 1.0  # that a run ages between looks: more only if this process was stopped
HELD_SECONDS = 1.0  # until a run that another process holds is asked for again
FALSE_STARTS = 3  # in a row, until a worker is given up


class Runner:
    """Hands the runs of a book to worker processes; takes in each end of a run once."""

    def __init__(self, book: Book, execution: Execution, resources: Resources) -> None:
        self.book, self.resources = book, resources
        self.held: dict[PlannedRun, float] = {}  # by other processes; when last asked for
        environments = resources.environments()[: len(book.pending)]
        self.workers = [
            Worker(book.launch, execution, environment, len(environments))
            for environment in environments
        ]
        self.interrupts = Interrupts(book.display)
        self.looked = time.monotonic()

    def run(self) -> Summary:
        """Until every run has a record or a failure, or somebody interrupts twice."""
        self.book.open()
        with self.book.display, self.interrupts:
            try:
                while self.unfinished():
                    self.hand_out()
                    self.listen()
            finally:
                for worker in self.workers:
                    worker.close()
        return self.book.close()

    def unfinished(self) -> bool:
        running = any(worker.run for worker in self.workers)
        more = bool(self.book.pending or self.held) and not self.interrupts.times
        return running or more

    def hand_out(self) -> None:
        """Give the next runs to the workers that have none."""
        for worker in self.workers:
            idle = worker.run is None and worker.false_starts < FALSE_STARTS
            if idle and (run := self.next_run()):
                self.book.display.started(run.config)
                self.book.begin(run)
                worker.begin(run)

    def next_run(self) -> PlannedRun | None:
        if self.interrupts.times:
            return None
        return self.book.next_pending() or self.next_held()

    def next_held(self) -> PlannedRun | None:
        """A run that it is time to ask for again."""
        for run, last_request in self.held.items():
            if time.monotonic() - last_request >= HELD_SECONDS:
                del self.held[run]
                return run
        return None

    def listen(self) -> None:
        """Wait for news, then take in all of it, and stop what must be stopped."""
        wait([worker.connection for worker in self.workers if worker.process], LOOK_SECONDS)
        self.interrupts.announce()
        before, self.looked = self.looked, time.monotonic()
        passed = min(self.looked - before, MOST_SECONDS)
        for worker in self.workers:
            if worker.begun:
                worker.seconds += passed
            for message in worker.messages():
                self.take_in(worker, message)
        self.stop_some()
        for run in list(self.held):
            if self.book.has_record(run):
                del self.held[run]
                self.book.finish_elsewhere(run)

    def stop_some(self) -> None:
        """End the runs that must end now; they do so side by side."""
        ends = [(worker, self.must_end(worker)) for worker in self.workers if worker.run]
        stopped = [(worker, end) for worker, end in ends if end]
        for worker, _ in stopped:
            worker.ask_to_end()
        for worker, end in stopped:
            for message in [*worker.stop(), end]:  # it may have ended by itself
                self.take_in(worker, message)

    def must_end(self, worker: Worker) -> Message | None:
        """Why a run must be stopped now."""
        if self.interrupts.times > 1:
            return Message("stopped")
        limit = self.resources.timeout
        if limit is not None and worker.seconds > limit:
            return Message("overdue", reason=f"not finished after {limit:g} s")
        return None

    def take_in(self, worker: Worker, message: Message) -> None:
        """After the end of a run, nobody is at work on it: a second end is not heard."""
        if worker.run is None:
            return
        match message.kind:
            case "begun":
                worker.begun, worker.false_starts = True, 0
            case "progress":
                config = worker.run.config
                self.book.display.progress(config, message.step, message.loss)
            case _:
                run, worker.run = worker.run, None
                self.end(worker, run, message)

    def end(self, worker: Worker, run: PlannedRun, message: Message) -> None:
        """Whatever ended a run: a record is a record."""
        match message.kind:
            case "unwritable":
                raise UnwritableError(message.reason)
            case "busy":
                self.held[run] = time.monotonic()
                self.book.display.waits(run.config)
            case "recorded":
                self.book.finish_elsewhere(run)
            case "finished":
                self.book.finish(run, message.miou)
            case _ if self.book.has_record(run):  # it could not say so
                self.book.finish(run)
            case "stopped":
                self.book.put_back(run)
            case "died" if not worker.begun:
                self.book.put_back(run)
                self.false_start(worker, message)
            case "died":
                self.fail(run, self.note_failure(run, "crash", message.reason))
            case "overdue":
                self.fail(run, self.note_failure(run, "time-out", message.reason))
            case _:  # the run has written its failure itself
                worker.stop()  # whatever it left in memory goes with it
                self.fail(run, message.reason)

    def false_start(self, worker: Worker, death: Message) -> None:
        """A worker that ends before its run begins says nothing about the run."""
        worker.false_starts += 1
        reason = f"{death.reason}: {last_line(death.log)}".removesuffix(": ")
        self.book.display.false_start(reason)
        if all(worker.false_starts >= FALSE_STARTS for worker in self.workers):
            raise InputError(
                f"worker processes exit before their first run begins: {reason}"
            )

    def note_failure(self, run: PlannedRun, kind: FailureKind, reason: str) -> str:
        attempt = self.book.running[run]
        return attempt.note_failure(kind, reason, log_end(attempt.folder.log))

    def fail(self, run: PlannedRun, reason: str) -> None:
        self.book.fail(run, reason, retry=not self.interrupts.times)
