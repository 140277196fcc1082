"""Carry out a study on this machine, with the same records as W&B agents on many machines.

A run with a record is not repeated; a failure is recorded and does not stop other runs.
Runners on the same folder share its runs: a run belongs to the process that holds its lock.
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

LOOK_SECONDS = 0.2  # between looks, if no message arrives
MOST_SECONDS = 1.0  # of a run, counted per look: a longer gap means this process was paused
HELD_SECONDS = 1.0  # until a run that another process holds is tried again
FALSE_STARTS = 3  # in a row before a worker is given up


class Runner:
    """Assigns the runs of a book to worker processes and records the end of each once."""

    def __init__(self, book: Book, execution: Execution, resources: Resources) -> None:
        self.book, self.resources = book, resources
        self.held: dict[PlannedRun, float] = {}  # by other processes; last attempt
        environments = resources.environments(execution.devices)[: len(book.pending)]
        self.workers = [
            Worker(book.launch, execution, environment, len(environments))
            for environment in environments
        ]
        self.interrupts = Interrupts(book.display)
        self.last_look = time.monotonic()

    def run(self) -> Summary:
        """Runs until every run has a record or a failure, or until a second interrupt."""
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
        """Assign the next runs to the idle workers."""
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
        """A run of another process that is due to be tried again."""
        for run, last_attempt in self.held.items():
            if time.monotonic() - last_attempt >= HELD_SECONDS:
                del self.held[run]
                return run
        return None

    def listen(self) -> None:
        """Wait for messages, process them all, and stop the runs that must end."""
        wait([worker.connection for worker in self.workers if worker.process], LOOK_SECONDS)
        self.interrupts.announce()
        before, self.last_look = self.last_look, time.monotonic()
        seconds = min(self.last_look - before, MOST_SECONDS)
        for worker in self.workers:
            if worker.begun:
                worker.seconds += seconds
            for message in worker.messages():
                self.take_in(worker, message)
        self.stop_some()
        for run in list(self.held):
            if self.book.has_record(run):
                del self.held[run]
                self.book.finish_elsewhere(run)

    def stop_some(self) -> None:
        """Stop the runs that must end now, all at the same time."""
        ends = [(worker, self.must_end(worker)) for worker in self.workers if worker.run]
        stops = [(worker, end) for worker, end in ends if end]
        for worker, _ in stops:
            worker.ask_to_end()
        for worker, end in stops:
            for message in [*worker.stop(), end]:  # the run may have just ended
                self.take_in(worker, message)

    def must_end(self, worker: Worker) -> Message | None:
        """Why a run must be stopped now, if it must."""
        if self.interrupts.times > 1:
            return Message("stopped")
        limit = self.resources.timeout
        if limit is not None and worker.seconds > limit:
            return Message("overdue", reason=f"not finished after {limit:g} s")
        return None

    def take_in(self, worker: Worker, message: Message) -> None:
        """Process a message; an idle worker's are ignored, so each run ends once."""
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
        """End a run; a record counts however the worker ended."""
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
            case _ if self.book.has_record(run):  # it could not report it
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
            case _:  # the run has recorded its own failure
                worker.stop()  # frees the memory that it still holds
                self.fail(run, message.reason)

    def false_start(self, worker: Worker, death: Message) -> None:
        """A worker that exits before its run begins says nothing about the run."""
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
