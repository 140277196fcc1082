"""A run matches what its sweep asked for, or it does not start.

W&B shows the values of the cell that it assigned, even if a script trains with others.
Every process of a run finds its cell where W&B's agent and `ablate sweep` put it: in the
YAML file {key: {value: X}} that WANDB_SWEEP_PARAM_PATH names.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from ablations.attention.base import AttentionBlock
from ablations.errors import InputError
from ablations.run_config import RunConfig, flat
from ablations.yaml_file import read_yaml
from lightning_modules.average import MovingAverage
from lightning_modules.execution import CELL
from lightning_modules.optimizer import in_use

DATA_KEYS = {
    "dataset", "image_size", "train_images", "val_images", "score_on", "augment",
    "augmentation", "batch_size",
}  # fmt: skip


def sweep_cell() -> dict[str, Any]:
    """The cell of this process, by key of RunConfig; empty outside a sweep.

    The values are RunConfig's: lr is 10.0 although W&B sends 10.
    """
    if CELL not in os.environ:
        return {}
    path = Path(os.environ[CELL])
    entries = read_yaml(path)
    if isinstance(entries, dict):
        entries.pop("wandb_version", None)  # of the format of the file
    if not isinstance(entries, dict) or not all(is_entry(e) for e in entries.values()):
        raise InputError(f"{path}: not a sweep cell ({{key: {{value: X}}}})")
    values = flat({key: entry["value"] for key, entry in entries.items()})
    config = RunConfig.parse(values, str(path))
    return {key: getattr(config, key) for key in values}


def is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and "value" in entry


def check_cell(effective: Mapping[str, Any]) -> None:
    """InputError if a run would not use what its sweep asked for."""
    for key, value in sweep_cell().items():
        used = effective[key]
        if (type(used), used) != (type(value), value):
            raise InputError(
                f"the sweep asked for {key} = {value!r}, but the run would use {used!r}; "
                "does the sweep's command override it?"
            )


class MatchesSweep(Callback):
    """Stops every rank before its first step if it would use other values.

    So no record can state a value that was not used, in a sweep or outside one.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        used = effective(trainer, pl_module)
        check_cell(used)
        check_used(used, pl_module.config)  # type: ignore[arg-type]

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        images, _ = batch
        batch_size = len(images) * trainer.world_size
        sizes = {"batch_size": batch_size, "image_size": images.shape[-1]}
        check_used(sizes, pl_module.config)  # type: ignore[arg-type]


def check_used(used: Mapping[str, Any], config: RunConfig) -> None:
    """InputError if a run would use a value other than the one its record would state."""
    for key, value in used.items():
        own = getattr(config, key)
        if (type(own), own) != (type(value), value):
            raise InputError(
                f"the configuration says {key} = {own!r}, but the run would use {value!r}"
            )


def effective(trainer: Trainer, module: Any) -> dict[str, Any]:
    """What this rank will use, read from the parts that use it."""
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    [optimizer] = trainer.optimizers
    blocks = {
        part.evaluation for part in module.modules() if isinstance(part, AttentionBlock)
    }
    [evaluation] = blocks or {module.config.evaluation}
    schedules: list[Any] = [each.scheduler for each in trainer.lr_scheduler_configs]
    [schedule] = schedules
    parts = {
        "evaluation": evaluation,
        "accumulate": module.accumulate * trainer.accumulate_grad_batches,
        "lr_floor": schedule.lr_floor,
        "warmup_steps": schedule.warmup_steps,
        "clip_gradient": trainer.gradient_clip_val,
        "ema": decay_in_use(trainer),
        "max_steps": trainer.max_steps,
        "precision": trainer.precision,
        **in_use(optimizer, module.own_parts, module.config),
    }
    of_data = data.config.model_dump(include=DATA_KEYS)
    whole: dict[str, Any] = module.config.model_dump() | of_data | parts
    return whole


def decay_in_use(trainer: Trainer) -> float | None:
    """The decay of the moving average of weights; None if there is none."""
    callbacks: list[Any] = list(trainer.callbacks)  # type: ignore[attr-defined]
    averages = [each.decay for each in callbacks if isinstance(each, MovingAverage)]
    return averages[0] if averages else None
