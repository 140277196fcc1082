"""Checkpoints: an interrupted run resumes from its last one, with the same result."""

import io
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins import TorchCheckpointIO
from pytorch_lightning.trainer.states import TrainerFn

from ablations.whole_file import write_whole
from lightning_modules.ranks import largest, size
from lightning_modules.training_losses import NonFiniteLossError

STATEMENT = "attention-ablations"  # the key under which a checkpoint states its run

REPORT_SECONDS = 0.25  # between readings of a loss on a GPU

Progress = Callable[[int, float], None]  # (step, training loss)


@dataclass(frozen=True)
class Statement:
    """The run of a checkpoint, what it was made with, and notes for the record."""

    run: str  # id
    data: str  # fingerprint
    made_with: dict[str, str]  # device, versions, commit
    notes: tuple[str, ...] = ()


class WholeFile(TorchCheckpointIO):
    """Replaces the previous checkpoint in one rename.

    Lightning writes to the system's temporary folder and moves the file. If that folder is
    on another disk, the move is a copy, and a kill leaves half a file.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_whole(Path(path), content.getbuffer())


def validation_follows(trainer: Trainer) -> bool:
    """Whether a validation is due after the step that has just finished."""
    return trainer.global_step % int(trainer.val_check_batch or 1) == 0


class BetweenSteps(Callback):
    """Knows whether every step, and every validation due after one, is complete.

    If it resumed from a checkpoint between the two, Lightning would skip the validation.
    """

    now = True
    end: BaseException | None = None  # raised in all processes after this step
    all_stop = False  # every process ends here, so all can save

    def on_train_batch_start(self, *arguments: Any) -> None:
        self.now = False

    def on_train_batch_end(self, trainer: Trainer, *arguments: Any) -> None:
        self.now = not validation_follows(trainer)

    def on_validation_start(self, *arguments: Any) -> None:
        self.now = False

    def on_validation_end(self, *arguments: Any) -> None:
        self.now = True


class LastCheckpoint(Checkpoint):
    """Saves periodically, and when the run is interrupted, but only between steps.

    A step that is interrupted half-way is repeated from the previous checkpoint.
    Each checkpoint holds its Statement.
    """

    def __init__(
        self, path: Path, seconds: float, between_steps: BetweenSteps, statement: Statement
    ) -> None:
        self.path, self.seconds, self.between_steps = path, seconds, between_steps
        self.statement = statement
        self.last_save = time.monotonic()

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[STATEMENT] = asdict(self.statement)

    def on_train_batch_end(self, trainer: Trainer, *arguments: Any) -> None:
        self.save_if_due(trainer)

    def on_validation_end(self, trainer: Trainer, *arguments: Any) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            self.save_if_due(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: Any, exception: BaseException
    ) -> None:
        if isinstance(exception, NonFiniteLossError):
            return
        fitting = trainer.state.fn == TrainerFn.FITTING
        together = size() == 1 or self.between_steps.all_stop
        if self.between_steps.now and together and fitting and trainer.global_step > 0:
            trainer.save_checkpoint(self.path)

    def save_if_due(self, trainer: Trainer) -> None:
        due = time.monotonic() - self.last_save >= self.seconds
        if self.between_steps.now and largest(due):
            trainer.save_checkpoint(self.path)
            self.last_save = time.monotonic()


class Reporter(Callback):
    """Reports progress to a function, which may raise an exception to end the training.

    On a CPU it reports every step; reading the loss from a GPU waits for the GPU, so there
    it does so four times a second.
    """

    def __init__(self, progress: Progress, between_steps: BetweenSteps) -> None:
        self.progress, self.between_steps = progress, between_steps
        self.loss = torch.tensor(math.nan)  # of the last step
        self.next = 0.0  # time of the next report from a GPU

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, *arguments: Any
    ) -> None:
        self.loss = outputs["loss"]
        if self.between_steps.now and self.is_due():
            self.report(trainer.global_step)

    def on_validation_end(self, trainer: Trainer, *arguments: Any) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            self.report(trainer.global_step)

    def is_due(self) -> bool:
        now = time.monotonic()
        if self.loss.device.type != "cpu" and now < self.next:
            return False
        self.next = now + REPORT_SECONDS
        return True

    def report(self, step: int) -> None:
        try:
            self.progress(step, self.loss.item())
        except BaseException as error:
            if size() == 1:
                raise
            self.between_steps.end = error  # the other processes must hear of it first
