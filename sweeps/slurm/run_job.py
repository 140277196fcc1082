"""One run as a job, carried out on the machine that the scheduler assigns."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from submitit.helpers import DelayedSubmission

from ablations.errors import UnwritableError
from lightning_modules.execution import Execution
from sweeps.local.command import Stopped
from sweeps.local.one_run import Message, carry_out
from sweeps.study.study import Launch, PlannedRun

BUSY_SECONDS = 1.0  # until a run that another process holds is tried again


@dataclass(frozen=True)
class Job:
    """submitit calls the job, and checkpoint() before the machine is taken away."""

    run: PlannedRun
    launch: Launch
    execution: Execution

    def __call__(self) -> Message:
        os.environ.pop("PYTHONSAFEPATH", None)  # not meant for a sweep's command
        with RequeueBetweenSteps() as tell:
            while True:
                message = carry_out(self.run, self.launch, self.execution, tell)
                if message.kind == "unwritable":
                    raise UnwritableError(message.reason)
                if message.kind != "busy":
                    return message
                time.sleep(BUSY_SECONDS)

    def checkpoint(self) -> DelayedSubmission:
        """The same run again; it resumes from its last checkpoint."""
        return DelayedSubmission(self)


class RequeueBetweenSteps:
    """Defers submitit's signal until the training has saved a checkpoint.

    When Slurm warns that the machine will be taken away, submitit requeues the job at once,
    in the middle of a step. Here the training stops after the step and is then requeued.
    """

    stop_requested = False

    def __enter__(self) -> Callable[[Message], None]:
        """Returns the function to call with each message of the training."""
        self.requeue = signal.signal(signal.SIGUSR2, self.request_stop)
        return self.stop_if_requested

    def request_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_requested = True

    def stop_if_requested(self, message: Message) -> None:
        if self.stop_requested:
            raise Stopped

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        signal.signal(signal.SIGUSR2, self.requeue)
        if self.stop_requested and kind is not None and issubclass(kind, Stopped):
            signal.raise_signal(signal.SIGUSR2)
