"""Lightning's metrics on their way to W&B."""

from collections.abc import Callable, Mapping
from typing import Any

from pytorch_lightning.loggers.logger import Logger

CURVE_NAMES = {
    "step": "trainer/global_step",
    "train_loss": "train/loss",
    "val_miou": "val/miou",
    "val_information": "val/information",
}


class MirrorLogger(Logger):
    """Lightning's metrics, under the names that Lightning's own logger for W&B uses."""

    def __init__(self, log: Callable[[Mapping[str, object]], None]) -> None:
        super().__init__()
        self.log = log

    @property
    def name(self) -> None:
        return None

    @property
    def version(self) -> None:
        return None

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.log({**metrics, CURVE_NAMES["step"]: step})

    def log_hyperparams(self, *arguments: Any, **named: Any) -> None:
        pass
