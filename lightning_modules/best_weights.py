"""The weights of the validation with the highest mIoU."""

import io
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from ablations.errors import InputError, first_line
from ablations.whole_file import write_whole


class Best(NamedTuple):
    """A validation and the network that it scored."""

    step: int
    miou: float  # on the validation split
    state: dict[str, Tensor]  # of the network, without an auxiliary head; on the CPU


class BestWeights(Callback):
    """Keeps the best of all validations, the first one on ties, and writes it to path.

    It is part of checkpoints, so a resumed training knows the best of all its sessions.
    Place it before a callback that changes the weights after a validation.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.best: Best | None = None
        self.step = 0  # of the last validation

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        """A second validation of a step changes nothing."""
        if trainer.global_step <= self.step:
            return
        self.step = trainer.global_step
        miou = pl_module.scores["val"].miou
        if self.best is None or miou > self.best.miou:
            self.best = Best(self.step, miou, on_cpu(pl_module.model.state_dict()))
            if trainer.is_global_zero:
                write_best(self.best, self.path)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step, "best": self.best and self.best._asdict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.step, best = state_dict["step"], state_dict["best"]
        self.best = best and Best(**best)

    def on_fit_start(self, trainer: Trainer, pl_module: object) -> None:
        """A killed session may have written one that is lost with its last steps."""
        if self.best and trainer.is_global_zero:
            write_best(self.best, self.path)


def on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A copy of its own."""
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def write_best(best: Best, path: Path) -> None:
    content = io.BytesIO()
    torch.save(best._asdict(), content)
    write_whole(path, content.getbuffer())


def read_best(path: Path) -> Best:
    """What BestWeights wrote; InputError for any other file."""
    try:
        return Best(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # damaged bytes raise errors of many kinds
        raise InputError(
            f"{path}: no weights of a validation: {first_line(error)}"
        ) from None


def best_of(trainer: Trainer) -> Best:
    """The best validation of a training that has a BestWeights."""
    callbacks: list[Any] = list(trainer.callbacks)  # type: ignore[attr-defined]
    [best] = [each.best for each in callbacks if isinstance(each, BestWeights)]
    if best is None:
        raise RuntimeError("no validation has been carried out")
    return best
