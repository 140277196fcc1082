"""Carry out a study on this machine, with the same records as W&B agents on many.

What has a record is not run again; what fails is recorded and does not stop the others.
Runners on the same folder share its cells: a run belongs to the process that holds it.
"""

import time
from collections import Counter, deque
from collections.abc import Iterable
from multiprocessing.connection import wait

from ablations.errors import InputError, UnwritableError
from ablations.records import FailureKind
from lightning_modules.execution import Execution
from sweeps.display import Display
from sweeps.interrupts import Interrupts
from sweeps.local.logs import last_line, log_end
from sweeps.local.one_run import Message
from sweeps.local.resources import Resources, check_writable
from sweeps.local.worker import Worker
from sweeps.outcome import Summary
from sweeps.study.study import Launch, PlannedRun

LOOK_SECONDS = 0.2  # between looks, if nobody says anything
MOST_SECONDS = 1.0  # that a run ages between looks: more only if this process was stopped
HELD_SECONDS = 1.0  # until a run that another process holds is asked for again
FALSE_STARTS = 3  # in a row, until a worker is given up


class Runner:
    """Hands the cells of one study to worker processes; takes in each end of a run once."""

    def __init__(
        self,
        runs: Iterable[PlannedRun],
        launch: Launch,
        execution: Execution,
        resources: Resources,
        display: Display,
    ) -> None:
        self.runs = list(dict.fromkeys(runs))  # a repeated cell is one run
        self.launch, self.resources, self.display = launch, resources, display
        self.pending = deque(
            run for run in self.runs if not self.launch.folder(run).has_record()
        )
        self.held: dict[PlannedRun, float] = {}  # by other processes; when last asked for
        self.summary = Summary(recorded=len(self.runs) - len(self.pending))
        places = resources.environments()[: len(self.pending)]
        self.workers = [
            Worker(launch, execution, environment, len(places)) for environment in places
        ]
        self.failed_before: dict[PlannedRun, int] = {}  # attempts, when it was handed out
        self.attempts: Counter[PlannedRun] = Counter()
        self.interrupts = Interrupts(display)
        self.looked = time.monotonic()

    def run(self) -> Summary:
        """Until every cell has a record or a failure, or somebody interrupts twice."""
        check_writable(self.launch.study_folder)
        self.display.begin([run.config for run in self.runs], self.summary.recorded)
        with self.display, self.interrupts:
            try:
                while self.unfinished():
                    self.hand_out()
                    self.listen()
            finally:
                for worker in self.workers:
                    worker.close()
        self.summary.waiting = len(self.pending) + len(self.held)
        return self.summary

    def unfinished(self) -> bool:
        running = any(worker.run for worker in self.workers)
        more = bool(self.pending or self.held) and not self.interrupts.times
        return running or more

    def hand_out(self) -> None:
        """Give the next runs to the workers that have none."""
        for worker in self.workers:
            idle = worker.run is None and worker.false_starts < FALSE_STARTS
            if idle and (run := self.next_run()):
                self.display.started(run.config)
                self.failed_before[run] = len(self.launch.folder(run).failures())
                worker.begin(run)

    def next_run(self) -> PlannedRun | None:
        if self.interrupts.times:
            return None
        while self.pending:
            run = self.pending.popleft()
            if not self.launch.folder(run).has_record():
                return run
            self.found_recorded(run)
        for run, asked in self.held.items():
            if time.monotonic() - asked >= HELD_SECONDS:
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
            if self.launch.folder(run).has_record():
                del self.held[run]
                self.found_recorded(run)

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
                self.display.progress(worker.run.config, message.step, message.loss)
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
                self.display.waits(run.config)
            case "recorded":
                self.found_recorded(run)
            case "finished":
                self.finish(run, message.miou)
            case _ if self.launch.folder(run).has_record():  # it could not say so
                self.finish(run, None)
            case "stopped":
                self.put_back(run)
            case "died" if not worker.begun:
                self.put_back(run)
                self.false_start(worker, message)
            case "died":
                self.fail(run, self.note(run, "crash", message.reason))
            case "overdue":
                self.fail(run, self.note(run, "time-out", message.reason))
            case _:  # the run has written its failure itself
                worker.stop()  # whatever it left in memory goes with it
                self.fail(run, message.reason)

    def found_recorded(self, run: PlannedRun) -> None:
        self.summary.recorded += 1
        self.display.ended(run.config, "finished by another process", timed=False)

    def finish(self, run: PlannedRun, miou: float | None) -> None:
        outcome = "finished" if miou is None else f"mIoU {100 * miou:.1f} %"
        self.summary.finished += 1
        self.display.ended(run.config, f"[green]{outcome}[/]")

    def put_back(self, run: PlannedRun) -> None:
        self.pending.appendleft(run)
        self.display.postponed(run.config)

    def false_start(self, worker: Worker, death: Message) -> None:
        """A worker that ends before its run begins says nothing about the run."""
        worker.false_starts += 1
        reason = f"{death.reason}: {last_line(death.log)}".removesuffix(": ")
        self.display.false_start(reason)
        if all(worker.false_starts >= FALSE_STARTS for worker in self.workers):
            raise InputError(f"worker processes end before their first run: {reason}")

    def note(self, run: PlannedRun, kind: FailureKind, reason: str) -> str:
        """Write the failure of a run, unless it has done so itself; the reason."""
        reasons = self.launch.folder(run).failures()
        if len(reasons) > self.failed_before[run]:
            return reasons[-1]
        folder = self.launch.folder(run)
        folder.note_failure(kind, reason, log_end(folder.log))
        return reason

    def fail(self, run: PlannedRun, reason: str) -> None:
        """A failed attempt, after which others follow if wanted."""
        self.attempts[run] += 1
        again = self.attempts[run] <= self.resources.retries and not self.interrupts.times
        if again:
            self.summary.repeated += 1
            self.pending.append(run)
            self.display.postponed(run.config)
        else:
            self.summary.failed[run.config.run_id] = reason
        self.display.failed(run.config, reason, again)
