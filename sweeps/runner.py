"""Carry out a study on this machine, with the same records as W&B agents on many.

What has a record is not run again; what fails is recorded and the others go on.
Runners on the same folder share its cells: a run belongs to the process that holds it.
"""

import time
from collections import Counter, deque
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

from ablations.errors import UnwritableError
from ablations.records import Failure, FailureKind, has_record, run_folder, tail
from ablations.study import RunConfig
from sweeps.crew import Crew, Summary, check_writable
from sweeps.display import Display
from sweeps.interrupts import Interrupts
from sweeps.worker import Message, Worker

if TYPE_CHECKING:
    from lightning_modules.train import Execution


class Runner:
    """Hands the cells of one study to worker processes."""

    def __init__(
        self,
        cells: list[RunConfig],
        folder: Path,
        execution: "Execution",
        crew: Crew,
        display: Display,
    ) -> None:
        self.cells = cells = list(dict.fromkeys(cells))  # a repeated cell is one run
        self.pending = deque(cell for cell in cells if not has_record(cell, folder))
        self.summary = Summary(recorded=len(cells) - len(self.pending))
        self.folder, self.execution = folder, execution
        self.crew, self.display = crew, display
        self.workers: list[Worker] = []
        self.tries: Counter[RunConfig] = Counter()
        self.interrupts = Interrupts(display)

    def run(self) -> Summary:
        """Until every cell has a record or a failure, or somebody interrupts twice."""
        check_writable(self.folder)
        self.display.begin(self.cells, self.summary.recorded)
        with self.display, self.interrupts:
            try:
                environments = self.crew.environments()[: len(self.pending)]
                self.jobs = len(environments)
                for environment in environments:
                    self.hand_out(self.new_worker(environment))
                while running := [worker for worker in self.workers if worker.config]:
                    self.listen(running)
            finally:
                for worker in self.workers:
                    worker.terminate() if worker.config else worker.close()
        self.summary.waiting = len(self.pending)
        return self.summary

    def new_worker(self, environment: dict[str, str]) -> Worker:
        worker = Worker(self.folder, self.execution, environment, self.jobs)
        self.workers.append(worker)
        return worker

    def hand_out(self, worker: Worker) -> None:
        worker.config = None
        if self.pending and not self.interrupts.times:
            config = self.pending.popleft()
            self.display.started(config)
            worker.begin(config)

    def listen(self, running: list[Worker]) -> None:
        """Take in what the workers say, and stop those that must be stopped."""
        connections = {worker.connection: worker for worker in running}
        for connection in wait(list(connections), timeout=0.2):
            worker = connections[connection]  # type: ignore[index]
            self.take_in(worker, worker.receive())
        for worker in running:
            if worker.config and self.interrupts.times > 1:
                self.pending.append(worker.config)
                worker.terminate()
                worker.config = None
            elif worker.config and self.overdue(worker):
                reason = f"not finished after {self.crew.timeout:g} s"
                self.fail(worker, worker.config, "time-out", reason)

    def overdue(self, worker: Worker) -> bool:
        limit = self.crew.timeout
        return limit is not None and time.monotonic() - worker.begun > limit

    def take_in(self, worker: Worker, message: Message) -> None:
        config = worker.config
        assert config is not None  # noqa: S101, only running workers speak
        match message.kind:
            case "begun":
                worker.begun = time.monotonic()
            case "progress":
                self.display.progress(config, message.step, message.loss)
            case "unwritable":
                raise UnwritableError(message.reason)
            case "died":
                self.fail(worker, config, "crash", message.reason)
            case "failed":
                self.fail(worker, config, None, message.reason)
            case "busy":
                self.display.postponed(config)
                self.pending.append(config)
                self.hand_out(worker)
            case "finished":
                self.summary.finished += 1
                self.display.ended(config, f"[green]mIoU {100 * message.miou:.1f} %[/]")
                self.hand_out(worker)
            case "recorded":
                self.summary.recorded += 1
                self.display.ended(config, "finished by another process")
                self.hand_out(worker)

    def fail(
        self, worker: Worker, config: RunConfig, kind: FailureKind | None, reason: str
    ) -> None:
        """Note a failure, try again where wanted, and go on in a fresh process.

        kind is None where the run has written its failure itself.
        """
        worker.terminate()  # whatever it left in memory goes with it
        self.workers.remove(worker)
        if has_record(config, self.folder):  # it had just finished
            self.summary.finished += 1
            self.display.ended(config, "[green]finished[/]")
        else:
            if kind:
                note_failure(config, self.folder, kind, reason)
            self.try_again(config, reason)
        self.hand_out(self.new_worker(worker.environment))

    def try_again(self, config: RunConfig, reason: str) -> None:
        """Where further tries are wanted."""
        self.tries[config] += 1
        if again := self.tries[config] <= self.crew.retries:
            self.summary.repeated += 1
            self.pending.append(config)
            self.display.postponed(config)
        else:
            self.summary.failed[config.run_id] = reason
        self.display.failed(config, reason, again)


def note_failure(config: RunConfig, study: Path, kind: FailureKind, reason: str) -> None:
    """Of a run that could not do so itself, with the end of what it printed."""
    log = run_folder(config, study) / "log.txt"
    text = tail(log.read_text(errors="replace")) if log.exists() else ""
    Failure(config=config, kind=kind, reason=reason, log=text).note(study)
