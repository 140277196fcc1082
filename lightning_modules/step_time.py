"""How long the training steps of a run take, without validation and loading."""

import time
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer


class StepTime(Callback):
    """Seconds over all sessions of a run, saved in its checkpoints.

    Place it before callbacks that save or raise at the end of a step.
    """

    def __init__(self) -> None:
        self.train_seconds = 0.0  # wall clock
        self.compute: float | None = 0.0  # of all CPU threads; on a GPU, of the device
        self.kind = ""  # of device
        self.events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []  # to be added

    def on_train_start(self, trainer: Trainer, *arguments: Any) -> None:
        kind = trainer.strategy.root_device.type
        if self.kind not in {"", kind} or kind not in {"cpu", "cuda"}:
            self.compute = None  # seconds of different devices cannot be added
        self.kind = kind

    def on_train_batch_start(self, *arguments: Any) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        if self.kind == "cuda":
            self.begin = now()

    def on_train_batch_end(self, *arguments: Any) -> None:
        self.train_seconds += time.perf_counter() - self.wall
        if self.kind == "cuda":
            self.add_events()  # of the previous step, which is over: this one had its loss
            self.events.append((self.begin, now()))
        elif self.compute is not None:
            self.compute += time.process_time() - self.cpu

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
            "kind": self.kind,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.train_seconds = state_dict["train_seconds"]
        self.compute = state_dict["compute_seconds"]
        self.kind = state_dict["kind"]


def now() -> torch.cuda.Event:
    """An event at which the device has finished its work so far."""
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event
