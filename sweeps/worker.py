"""A process that carries out one run after the other and tells its parent how far it is.

Imports are paid once per worker. A run that takes the process down takes nothing else.
"""

import contextlib
import faulthandler
import math
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from ablations.command import own_flags
from ablations.errors import UnwritableError, writing
from ablations.records import failures, has_record, run_folder
from ablations.study import RunConfig, Study
from sweeps.child import as_child, run_command

if TYPE_CHECKING:
    from lightning_modules.train import Execution

BUSY_SECONDS = 1.0  # until a run that another process holds is asked for again


class Message(NamedTuple):
    """What a worker says of its present run."""

    kind: Literal[
        "begun", "progress", "finished", "recorded", "busy", "failed", "died", "unwritable"
    ]
    step: int = 0
    loss: float = 0.0
    miou: float = 0.0
    reason: str = ""


class Worker:
    """The parent's end of one worker process."""

    config: RunConfig | None = None  # the run it is at work on
    begun = math.inf  # when it began, by the monotonic clock

    def __init__(
        self, study: Path, execution: "Execution", environment: dict[str, str], jobs: int
    ) -> None:
        self.environment = environment
        context = multiprocessing.get_context("spawn")
        self.connection, remote = context.Pipe()
        arguments = (remote, study, execution, environment, jobs)
        self.process: BaseProcess = context.Process(
            target=work, args=arguments, daemon=True
        )
        self.process.start()
        remote.close()

    def begin(self, config: RunConfig) -> None:
        self.config = config
        self.begun = math.inf
        with contextlib.suppress(OSError):  # it died idle: receive() will tell
            self.connection.send(config)

    def receive(self) -> Message:
        """The next message; where the process is gone, how it died."""
        try:
            message: Message = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            message = Message("died", reason=death(self.process.exitcode or 0))
        return message

    def close(self) -> None:
        """Let an idle worker end."""
        self.connection.close()
        self.process.join(timeout=10)
        self.terminate()

    def terminate(self) -> None:
        """Stop a worker now; Lightning keeps a checkpoint where a training is under way."""
        self.process.terminate()
        self.process.join(timeout=30)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def death(exit_code: int) -> str:
    if exit_code < 0:
        return f"the process was killed by {signal.Signals(-exit_code).name}"
    return f"the process ended with exit code {exit_code}"


def work(
    connection: Connection,
    study: Path,
    execution: "Execution",
    environment: dict[str, str],
    jobs: int,
) -> None:
    """Serve runs until the parent closes the connection."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # the parent decides what an interrupt means
    os.environ.update(environment)
    import torch

    import lightning_modules.train  # noqa: F401, paid once and not in the time of a run

    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
    execution = replace(execution, progress_bar=False)

    def tell(message: Message) -> None:
        with contextlib.suppress(
            OSError
        ):  # the parent is gone: finish the run all the same
            connection.send(message)

    while True:
        try:
            config: RunConfig = connection.recv()
        except (EOFError, OSError):
            return
        tell(Message("begun"))
        tell(carry_out(config, study, execution, tell))


def carry_out(
    config: RunConfig, study: Path, execution: "Execution", tell: Callable[[Message], None]
) -> Message:
    """Train one run; whatever happens becomes a message."""
    from lightning_modules.train import BusyError, claim, failure, train

    def progress(step: int, loss: float) -> None:
        tell(Message("progress", step=step, loss=loss))

    if has_record(config, study):  # another runner was faster
        return Message("recorded")
    folder, before = run_folder(config, study), failures(config, study)
    try:
        with log_into(folder / "log.txt"), as_child(config, study, execution):
            if execution.sweep and not trains_itself(execution.sweep):
                with claim(folder, "command.lock"):  # the command may want the other
                    record = run_command(config, study, execution.sweep)
            else:
                record = train(config, study, execution, progress)
    except BusyError:
        time.sleep(BUSY_SECONDS)
        return Message("busy")
    except UnwritableError as error:
        return Message("unwritable", reason=str(error))
    except Exception as error:
        if failures(config, study) == before:  # it failed before it was the run's own
            failure(config, error).note(study)
        return Message("failed", reason=failures(config, study)[-1])
    return Message("finished", miou=record.miou)


def trains_itself(sweep: Study) -> bool:
    """Whether the command of a sweep is this suite's own, which needs no new process."""
    return own_flags(sweep.command, sweep.program) is not None


@contextlib.contextmanager
def log_into(path: Path) -> Iterator[None]:
    """What this process prints, a crash in C code included, goes to the end of a file."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        log = path.open("a")
    before = os.dup(1), os.dup(2)
    with log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        faulthandler.enable(log)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            faulthandler.disable()
            for number, descriptor in enumerate(before, start=1):
                os.dup2(descriptor, number)
                os.close(descriptor)
