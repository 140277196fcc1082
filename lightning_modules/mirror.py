"""Weights & Biases as a mirror of a run: written to, never read from.

Off by default. The only file outside sweeps and reports that imports wandb. The names under
which things are logged are in the README.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from ablations.errors import InputError
from ablations.records import RunRecord
from ablations.study import RunConfig

if TYPE_CHECKING:
    from pytorch_lightning.loggers import WandbLogger

WandbMode = Literal["disabled", "offline", "online"]
PROJECT = "attention-ablations"
RECORD_KEY = "record"
AGENT = "WANDB_SWEEP_ID"  # is set by W&B's agent
CURVE_NAMES = {
    "step": "trainer/global_step",
    "train_loss": "train/loss",
    "val_miou": "val/miou",
}


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
            group=os.environ.get("WANDB_RUN_GROUP", self.folder.parent.name),
            config=self.config.model_dump(),
            dir=self.folder,
            mode=self.mode,
            resume="allow" if self.mode == "online" else None,
        )
        check_locked(dict(self.run.config), self.config)
        self.logger = WandbLogger(experiment=self.run)
        return self

    def summarise(self, record: RunRecord) -> None:
        """What the record says, under stable names, and two files: record and cost."""
        if self.logger is None:
            return
        numbers = {"miou": record.miou, "val_loss": record.val_loss}
        cost = {"params": record.params, "macs": record.macs}
        cost["macs_direct"] = record.macs_direct
        times = {"train_seconds": record.train_seconds}
        whole = {RECORD_KEY: record.model_dump_json()}  # sweeps/collect.py reads it again
        self.run.summary.update(numbers | cost | times | {"iou": record.iou} | whole)
        write_cost(record, self.folder / "cost.csv")
        self.run.save(self.folder / "cost.csv", base_path=self.folder, policy="now")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.logger is not None:
            import wandb

            self.run.finish(exit_code=0 if kind is None else 1)
            wandb.teardown()  # the next run of this process reads its environment anew


def show(record: RunRecord, folder: Path, mode: WandbMode) -> None:
    """A run that had its record already, as if it ran now."""
    with Mirror(record.config, folder, mode) as mirror:
        if mirror.logger:
            for point in record.curve:
                mirror.run.log({CURVE_NAMES[key]: value for key, value in point.items()})
        mirror.summarise(record)


def write_cost(record: RunRecord, path: Path) -> None:
    """A row for each block of the network, and one for the whole of it."""
    from ablations.complexity.composition import Setting
    from ablations.complexity.costs import landing_costs

    config, size = record.config, (record.config.image_size,) * 2
    network = (config.model, config.encoder, config.placement, len(record.iou))
    table = landing_costs(config.block, Setting(*network, size), config.evaluation)
    macs = f"not counted: {record.not_counted}" if record.macs is None else record.macs
    table.loc[len(table)] = ["(whole network)", None, None, record.params, macs]
    table.to_csv(path, index=False)


def check_mode(mode: WandbMode) -> None:
    """InputError for an agent's run that the server would not see."""
    if AGENT in os.environ and {mode, os.environ.get("WANDB_MODE")} & {"offline", "dryrun"}:
        raise InputError(
            "an agent's runs are handed out by W&B's server, which would wait for ever for "
            "one that is offline; `ablate sweep FILE --wandb offline` needs no server"
        )


def check_locked(effective: dict[str, object], config: RunConfig) -> None:
    """W&B shows what a sweep asked for, even where the script did something else."""
    for key, value in config.model_dump().items():
        if effective.get(key) != value:
            raise RuntimeError(
                f"W&B says {key} = {effective.get(key)!r}, the run would use {value!r}"
            )
