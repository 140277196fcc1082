"""The training of a run, and everything that its record says."""

import os

from pytorch_lightning import seed_everything
from torch import nn

from ablations.attention import set_evaluation
from ablations.attention.base import has_two_evaluations
from ablations.complexity import Cost, measure
from ablations.models import check_network
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.checkpoints import Progress, Statement
from lightning_modules.data import create_data
from lightning_modules.execution import Execution
from lightning_modules.interrupts import Interrupts
from lightning_modules.machine import commit, device_name, made_with, versions
from lightning_modules.resuming import UnusableError, resumable, set_aside
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.step_time import StepTime
from lightning_modules.trainer import create_callbacks, create_trainer, fit
from lightning_modules.wandb_mirror import Mirror


def train_or_restart(
    folder: RunFolder,
    execution: Execution,
    progress: Progress | None,
    mirror: Mirror,
    interrupts: Interrupts,
) -> RunRecord:
    """The record of a run; a checkpoint that it cannot resume from is set aside."""
    notes: tuple[str, ...] = ()
    while True:
        try:
            return train_and_measure(folder, execution, progress, mirror, interrupts, notes)
        except UnusableError as problem:
            notes += (set_aside(folder.checkpoint, problem),)


def train_and_measure(
    folder: RunFolder,
    execution: Execution,
    progress: Progress | None,
    mirror: Mirror,
    interrupts: Interrupts,
    notes: tuple[str, ...],
) -> RunRecord:
    config = folder.config
    data = create_data(config, execution.data_folder, execution.workers)
    side = config.image_size
    check_network(
        config.model,
        config.encoder,
        config.encoder_weights,
        config.block,
        config.placement,
        config.evaluation,
        len(data.classes),
        (side, side),
    )
    seed_everything(config.seed, verbose=False)
    module = SegmentationModule(config, data.classes)
    cost = measure(module.model, (1, 3, side, side))
    published = published_cost(module.model, config, cost)
    last = folder.checkpoint
    statement = Statement(
        config.run_id, data.fingerprint, made_with(execution.accelerator), notes
    )
    if os.path.lexists(last):
        data.first_step, statement = resumable(last, module, statement)
    step_time = StepTime()
    callbacks = create_callbacks(folder, execution, progress, interrupts, statement)
    trainer = create_trainer(folder, execution, [step_time, *callbacks], mirror)
    fit(trainer, module, data, last if data.first_step else None, interrupts)
    if module.validated_step != config.max_steps:
        trainer.validate(module, data, verbose=False)
    return RunRecord(
        config=config,
        miou=module.miou,
        iou={
            name: None if iou.isnan() else iou.item()
            for name, iou in zip(data.classes, module.iou, strict=True)
        },
        val_loss=trainer.callback_metrics["val/loss"].item(),
        curve=module.curve,
        params=cost.params,
        macs=cost.macs,
        macs_direct=published.macs,
        not_counted=cost.not_counted or published.not_counted,
        train_seconds=step_time.train_seconds,
        compute_seconds=step_time.compute_seconds,
        device=device_name(trainer.strategy.root_device),
        versions=versions(),
        commit=commit(),
        data=data.fingerprint,
        failures=folder.failures(),
        notes=statement.notes + mirror.take_notes(),
    )


def published_cost(model: nn.Module, config: RunConfig, cost: Cost) -> Cost:
    """The cost with blocks computed as published; cost is that of the present one."""
    if config.evaluation == "direct" or not any(map(has_two_evaluations, model.modules())):
        return cost
    shape = (1, 3, config.image_size, config.image_size)
    published = measure(set_evaluation(model, "direct"), shape)
    set_evaluation(model, config.evaluation)
    return published
