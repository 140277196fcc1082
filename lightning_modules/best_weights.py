"""The weights of the best validation of a training so far."""

import io
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from ablations.whole_file import write_whole


class Best(NamedTuple):
    """A validation, and the network that it scored."""

    step: int
    miou: float
    state: dict[str, Tensor]  # of the network


class BestWeights(Callback):
    """Writes the network to path after each validation with the highest mIoU so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.miou = -1.0

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.global_step and self.path.exists():
            self.miou = read_best(self.path).miou

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        miou = pl_module.scores["val"].miou
        if miou > self.miou and trainer.is_global_zero:
            self.miou = miou
            content = io.BytesIO()
            torch.save(
                Best(trainer.global_step, miou, pl_module.model.state_dict())._asdict(),
                content,
            )
            write_whole(self.path, content.getbuffer())


def read_best(path: Path) -> Best:
    return Best(**torch.load(path, weights_only=True, map_location="cpu"))
