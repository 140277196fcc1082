"""Ctrl-C or SIGTERM ends a training after the current step, a second one at once."""

import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, Self

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.trainer.states import TrainerFn

from lightning_modules.checkpoints import BetweenSteps
from lightning_modules.ranks import largest, rank

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ENDED = 127  # larger than any signal: the first process was told to end the training


class Interrupted(SystemExit):
    """A training was interrupted: after a step, or at once (step is None).

    The exit code is the shell's: 130 after Ctrl-C, 143 after SIGTERM.
    """

    def __init__(self, number: int, step: int | None = None, steps: int = 0) -> None:
        super().__init__(128 + number)
        self.exit_code, self.step, self.steps = 128 + number, step, steps

    def __str__(self) -> str:
        if self.step is None:
            return (
                "stopped at once; run the same command to resume from the last checkpoint"
            )
        place = f"step {self.step} of {self.steps}"
        return f"interrupted at {place}; run the same command to resume from there"


class Interrupts(Callback):
    """Handles signals while it is entered, and stops the training between steps.

    Before the first step there is nothing to finish, after the last one nothing to stop.
    An ignored signal stays ignored, which is how a worker leaves Ctrl-C to its parent.
    """

    def __init__(self) -> None:
        self.between_steps = BetweenSteps()
        self.times = 0
        self.number = 0
        self.training = False
        self.process = os.getpid()
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in SIGNALS}
            self.before = {
                number: handler
                for number, handler in handlers.items()
                if handler is not signal.SIG_IGN
            }
        self.listen()
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def listen(self) -> None:
        for number in self.before:
            signal.signal(number, self.handle)

    def handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self.process:
            handle_in_child(number)
            return
        self.times += 1
        self.number = number
        if self.times > 1 or not self.training:
            raise Interrupted(number)
        if rank() == 0:
            announce("ablate: finishing the current step; interrupt again to stop at once")

    # Lightning installs its own SIGTERM handler, which stops halfway through validation.

    def on_train_start(self, *arguments: Any) -> None:
        self.training = True
        self.listen()

    def on_validation_start(self, *arguments: Any) -> None:
        self.listen()

    def on_train_batch_end(self, trainer: Trainer, *arguments: Any) -> None:
        self.stop_if_signalled(trainer)

    def on_validation_end(self, trainer: Trainer, *arguments: Any) -> None:
        self.stop_if_signalled(trainer)

    def stop_if_signalled(self, trainer: Trainer) -> None:
        """All processes stop after the same step if one of them has a reason to."""
        if trainer.state.fn != TrainerFn.FITTING or not self.between_steps.now:
            return
        end, step = self.between_steps.end, trainer.global_step
        number = largest(ENDED if end else self.number)
        self.between_steps.all_stop = number == ENDED or (
            number > 0 and step < trainer.max_steps
        )
        if end:
            raise end
        if self.between_steps.all_stop:
            raise Interrupted(number, step, trainer.max_steps)


def announce(line: str) -> None:
    """Write to standard error, past its buffer: a signal may come in mid-print."""
    with contextlib.suppress(OSError, ValueError):  # closed, or not a file
        os.write(sys.stderr.fileno(), f"{line}\n".encode())


def handle_in_child(number: int) -> None:
    """In a process that loads data, leave Ctrl-C to the parent; SIGTERM acts as usual."""
    if number != signal.SIGINT:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
