"""Weights & Biases as a mirror of a run: written to, never read from.

Off by default. The only file outside sweeps and reports that imports wandb.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from ablations.records import RunRecord
from ablations.study import RunConfig

if TYPE_CHECKING:
    from pytorch_lightning.loggers import WandbLogger

WandbMode = Literal["disabled", "offline", "online"]
PROJECT = "attention-ablations"
RECORD_KEY = "record"


class Mirror:
    """One W&B run while a training lasts; nothing where the mode is disabled."""

    logger: "WandbLogger | None" = None

    def __init__(self, config: RunConfig, folder: Path, mode: WandbMode) -> None:
        self.config, self.folder, self.mode = config, folder, mode

    def __enter__(self) -> Self:
        if self.mode == "disabled":
            return self
        import wandb
        from pytorch_lightning.loggers import WandbLogger

        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=self.config.run_id,
            group=self.folder.parent.name,
            config=self.config.model_dump(),
            dir=self.folder,
            mode=self.mode,
        )
        check_locked(dict(self.run.config), self.config)
        self.logger = WandbLogger(experiment=self.run)
        return self

    def summarise(self, record: RunRecord) -> None:
        """What the record says, under stable names."""
        if self.logger is None:
            return
        numbers = {"miou": record.miou, "val_loss": record.val_loss}
        cost = {"params": record.params, "macs": record.macs}
        cost["macs_direct"] = record.macs_direct
        times = {"train_seconds": record.train_seconds}
        whole = {RECORD_KEY: record.model_dump_json()}  # sweeps/collect.py reads it again
        self.run.summary.update(numbers | cost | times | {"iou": record.iou} | whole)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.logger is not None:
            self.run.finish(exit_code=0 if kind is None else 1)


def check_locked(effective: dict[str, object], config: RunConfig) -> None:
    """W&B shows what a sweep asked for, even where the script did something else."""
    for key, value in config.model_dump().items():
        if effective.get(key) != value:
            raise RuntimeError(
                f"W&B says {key} = {effective.get(key)!r}, the run would use {value!r}"
            )
