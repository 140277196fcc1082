"""One run as a job: what is carried out on the machine that a scheduler gives."""

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

BUSY_SECONDS = 1.0  # until a run that another process holds is asked for again


@dataclass(frozen=True)
class Job:
    """submitit calls it, and checkpoint() before the machine is taken away."""

    run: PlannedRun
    launch: Launch
    execution: Execution

    def __call__(self) -> Message:
        os.environ.pop("PYTHONSAFEPATH", None)  # it is not meant for a sweep's command
        execution = self.execution.model_copy(update={"progress_bar": False})
        with RequeueBetweenSteps() as tell:
            while True:
                message = carry_out(self.run, self.launch, execution, tell)
                if message.kind == "unwritable":
                    raise UnwritableError(message.reason)
                if message.kind != "busy":
                    return message
                time.sleep(BUSY_SECONDS)

    def checkpoint(self) -> DelayedSubmission:
        """The same run again; it resumes from its last checkpoint."""
        return DelayedSubmission(self)


class RequeueBetweenSteps:
    """Puts submitit's signal off until the training has saved a checkpoint.

    submitit requeues the job at once when Slurm says that the machine will be taken away,
    half-way through a step. Here the training is left after the step, and then requeued.
    """

    asked = False

    def __enter__(self) -> Callable[[Message], None]:
        """What is to be told of each step."""
        self.requeue = signal.signal(signal.SIGUSR2, self.ask)
        return self.leave_if_asked

    def ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def leave_if_asked(self, message: Message) -> None:
        if self.asked:
            raise Stopped

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        signal.signal(signal.SIGUSR2, self.requeue)
        if self.asked and kind is not None and issubclass(kind, Stopped):
            signal.raise_signal(signal.SIGUSR2)
