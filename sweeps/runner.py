"""Carry out a study on this machine, with the same records as W&B agents on many.

What has a record is not run again; what fails is recorded and the others go on.
Runners on the same folder share its cells: a run belongs to the process that holds it.
"""

import signal
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ablations.errors import InputError
from ablations.records import Failure, FailureKind, has_record, run_folder, tail
from ablations.study import RunConfig
from sweeps.display import Display
from sweeps.worker import Message, Worker, failure_path

if TYPE_CHECKING:
    from lightning_modules.train import Execution


@dataclass(frozen=True, kw_only=True)
class Crew:
    """How many runs at a time, on what, and with how much patience."""

    jobs: int = 1
    gpus: tuple[str, ...] = ()  # one run on each at a time
    runs_per_gpu: int = 1
    retries: int = 0  # further tries of a failed run
    timeout: float | None = None  # seconds for one try

    def environments(self) -> list[dict[str, str]]:
        """What is set for each worker."""
        if not self.gpus:
            return [{} for _ in range(self.jobs)]
        places = self.gpus * self.runs_per_gpu
        return [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in places]


@dataclass
class Summary:
    """How a sweep ended."""

    recorded: int  # before this call, or meanwhile by another process
    finished: int = 0  # in this call
    failed: dict[str, str] = field(default_factory=dict)  # reason by run id
    waiting: int = 0  # not begun or not finished, because of an interrupt

    @property
    def complete(self) -> bool:
        return not (self.failed or self.waiting)


def check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from None


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
        cells = list(dict.fromkeys(cells))  # a repeated cell is one run
        self.pending = deque(cell for cell in cells if not has_record(cell, folder))
        self.summary = Summary(recorded=len(cells) - len(self.pending))
        self.folder, self.execution = folder, execution
        self.crew, self.display = crew, display
        self.workers: list[Worker] = []
        self.tries: Counter[RunConfig] = Counter()
        self.interrupts = 0

    def run(self) -> Summary:
        """Until every cell has a record or a failure, or somebody interrupts twice."""
        check_writable(self.folder)
        self.display.begin(self.summary.recorded + len(self.pending), self.summary.recorded)
        with self.display, self.counting_interrupts():
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
        if self.pending and not self.interrupts:
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
            if worker.config and self.interrupts > 1:
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
            case "progress":
                self.display.progress(config, message.step, message.loss)
            case "unwritable":
                raise InputError(f"{self.folder}: cannot be written ({message.reason})")
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
        if kind:
            log = run_folder(config, self.folder) / "log.txt"
            text = tail(log.read_text(errors="replace")) if log.exists() else ""
            record = Failure(config=config, kind=kind, reason=reason, log=text)
            record.write(failure_path(config, self.folder))
        self.tries[config] += 1
        if again := self.tries[config] <= self.crew.retries:
            self.pending.append(config)
            self.display.postponed(config)
        else:
            self.summary.failed[config.run_id] = reason
        self.display.failed(config, reason, again)
        self.hand_out(self.new_worker(worker.environment))

    @contextmanager
    def counting_interrupts(self) -> Iterator[None]:
        """The first interrupt lets running cells finish, the second stops them."""

        def count(number: int, frame: FrameType | None) -> None:
            self.interrupts += 1
            self.display.interrupted(self.interrupts)

        before = signal.signal(signal.SIGINT, count)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
