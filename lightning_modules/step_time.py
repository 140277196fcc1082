"""Where the time of a run goes: steps, waiting for images, validations."""

import time
from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer


class StepTime(Callback):
    """Seconds over all sessions of a run, saved in its checkpoints.

    Place it before callbacks that save or raise at the end of a step.
    """

    def __init__(self) -> None:
        self.train_seconds = 0.0  # wall clock
        self.data_seconds = 0.0  # likewise, of waiting for the batches of steps
        self.validation_seconds = 0.0  # likewise
        self.compute: float | None = 0.0  # of all CPU threads; on a GPU, of the device
        self.kind = ""  # of device
        self.events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []  # to be added
        self.waited = 0.0  # seconds of this session's loader that were added

    def on_train_start(self, trainer: Trainer, *arguments: Any) -> None:
        kind = trainer.strategy.root_device.type
        if self.kind not in {"", kind} or kind not in {"cpu", "cuda"}:
            self.compute = None  # seconds of different devices cannot be added
        self.kind = kind

    def on_train_batch_start(self, trainer: Trainer, *arguments: Any) -> None:
        waited: float = trainer.train_dataloader.seconds  # type: ignore[union-attr]
        self.data_seconds += waited - self.waited
        self.waited = waited
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        if self.kind == "cuda":
            self.begin = now()

    def on_train_batch_end(self, *arguments: Any) -> None:
        if self.kind == "cuda":
            self.add_events()  # of the previous step: the device is at most one step behind
            self.events.append((self.begin, now()))
        elif self.compute is not None:
            self.compute += time.process_time() - self.cpu
        self.train_seconds += time.perf_counter() - self.wall

    def on_validation_start(self, *arguments: Any) -> None:
        self.add_events()  # the last step of the training ends before its validation begins
        self.validates_since = time.perf_counter()

    def on_validation_end(self, *arguments: Any) -> None:
        self.validation_seconds += time.perf_counter() - self.validates_since

    def add_events(self) -> None:
        for begin, end in self.events:
            end.synchronize()
            if self.compute is not None:
                self.compute += begin.elapsed_time(end) / 1000
        self.events.clear()

    @property
    def compute_seconds(self) -> float | None:
        """CPU seconds on a CPU, device seconds on a GPU; None if unknown."""
        self.add_events()
        return self.compute

    def state_dict(self) -> dict[str, Any]:
        return {
            "train_seconds": self.train_seconds,
            "compute_seconds": self.compute_seconds,
            "data_seconds": self.data_seconds,
            "validation_seconds": self.validation_seconds,
            "kind": self.kind,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.train_seconds = state_dict["train_seconds"]
        self.compute = state_dict["compute_seconds"]
        self.kind = state_dict["kind"]
        # Checkpoints of older versions do not have these.
        self.data_seconds = state_dict.get("data_seconds", 0.0)
        self.validation_seconds = state_dict.get("validation_seconds", 0.0)


def now() -> torch.cuda.Event:
    """An event at which the device has finished its work so far."""
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event
