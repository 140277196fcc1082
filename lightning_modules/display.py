"""What a user sees of one training: a bar in a terminal, otherwise a few lines."""

import sys
import time
from typing import Any

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

LINES = 10  # at most, for one run
UPDATES = 4  # of a bar, per second: reading the loss waits for the device


def say(line: str) -> None:
    """Print to standard error, which never holds results."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class Display(Callback):
    """Step, loss, the last mIoU, and in a terminal the time left."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self.bars = Progress(
            TextColumn("training"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=UPDATES,
            disable=not console.is_terminal,
        )
        self.next_line = 0
        self.next_update = 0.0
        self.miou = ""

    def on_train_start(self, trainer: Trainer, *arguments: Any) -> None:
        steps, done = trainer.max_steps, trainer.global_step
        self.task = self.bars.add_task("", total=steps, completed=done)
        self.bars.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, *arguments: Any
    ) -> None:
        self.loss = outputs["loss"]
        if not self.bars.disable and time.monotonic() >= self.next_update:
            self.next_update = time.monotonic() + 1 / UPDATES
            text = f"loss {self.loss.item():.3f}{self.miou}"
            self.bars.update(self.task, completed=trainer.global_step, description=text)

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.state.fn != TrainerFn.FITTING:
            return
        step, steps = trainer.global_step, trainer.max_steps
        self.miou = f"  mIoU {100 * pl_module.scores['val'].miou:.1f} %"
        self.next_update = 0.0
        if self.bars.disable and (step >= self.next_line or step == steps):
            self.next_line = step + max(1, steps // LINES)
            line = f"step {step}/{steps}  loss {self.loss.item():.3f}{self.miou}"
            say(line)

    def teardown(self, *arguments: Any, **details: Any) -> None:
        self.bars.stop()
