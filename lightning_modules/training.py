"""The training of a run, and everything that its record says."""

import os
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pytorch_lightning import Trainer, seed_everything
from torch import Tensor

from ablations.attention.base import has_two_evaluations
from ablations.blocks import set_evaluation
from ablations.complexity import Cost, measure
from ablations.image_counts import ImageCounts
from ablations.models import check_training, network_of
from ablations.records import MOST_CLASSES, RunRecord
from ablations.run_folder import RunFolder
from ablations.version import commit
from lightning_modules.checkpoints import Progress, Statement
from lightning_modules.data import create_data
from lightning_modules.data.segmentation_data import SegmentationData
from lightning_modules.execution import Execution
from lightning_modules.freezing import advice, check_freeze
from lightning_modules.inference import Inference
from lightning_modules.interrupts import Interrupts
from lightning_modules.keeping import check_keepable, keep
from lightning_modules.machine import device_kind, device_name, made_with, versions
from lightning_modules.ranks import decided_by_first, largest, rank, size
from lightning_modules.resuming import UnusableError, resumable, set_aside
from lightning_modules.scores import Score
from lightning_modules.scoring import score_network
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.step_time import StepTime
from lightning_modules.synchronised_norms import synchronise
from lightning_modules.trainer import (
    create_callbacks,
    create_trainer,
    fit,
    recipe_callbacks,
)
from lightning_modules.wandb_mirror import Mirror


def train_or_restart(
    folder: RunFolder,
    execution: Execution,
    progress: Progress | None,
    mirror: Mirror,
    interrupts: Interrupts,
) -> RunRecord:
    """The record of a run; a checkpoint that it cannot resume from is set aside."""
    notes = advice(folder.config) + repeatability(execution)
    while True:
        try:
            return train_and_measure(folder, execution, progress, mirror, interrupts, notes)
        except UnusableError as problem:
            largest(0)  # no process reads the file any more
            notes += (decided_by_first(partial(set_aside, folder.checkpoint, problem)),)


def repeatability(execution: Execution) -> tuple[str, ...]:
    """A note, if the same run need not give the same result again."""
    if execution.deterministic:
        return ()
    return ("trained with --no-deterministic, so the same run can give another result",)


def train_and_measure(
    folder: RunFolder,
    execution: Execution,
    progress: Progress | None,
    mirror: Mirror,
    interrupts: Interrupts,
    notes: tuple[str, ...],
) -> RunRecord:
    """Train or resume, then score the weights that the configuration selects."""
    config = folder.config
    workers, cache = execution.workers, execution.cache * 1e9
    data = create_data(config, execution.data_folder, workers, cache)
    check_training(network_of(config, len(data.classes)))
    Inference.of(config).check()
    seed_everything(config.seed, verbose=False)
    check_freeze(config, len(data.classes))
    module = SegmentationModule(config, data.classes, data.source.probe)
    costs = costs_of(module)
    check_keepable(module, execution.keep_weights)
    if size() > 1:
        synchronise(module.model, device_kind(execution.accelerator))
    own = made_with(execution.accelerator) | {"devices": str(size())}
    statement = Statement(config.run_id, data.fingerprint, own, notes)
    last = folder.checkpoint
    data.first_step, statement = decided_by_first(partial(start, last, module, statement))
    step_time = StepTime()
    callbacks = create_callbacks(folder, execution, progress, interrupts, statement)
    deciding = recipe_callbacks(config, folder.best, execution.keep_weights)
    trainer = create_trainer(folder, execution, [*deciding, step_time, *callbacks], mirror)
    fit(trainer, module, data, last if data.first_step else None, interrupts)
    step = score_network(trainer, module, data)
    kept: tuple[str, ...] = ()
    if trainer.is_global_zero:
        kept = keep(execution.keep_weights, module, data.normalisation, folder)
    training = Training(trainer, module, data, step_time, step)
    return record_of(training, costs, folder, statement.notes + kept + mirror.take_notes())


def start(
    last: Path, module: SegmentationModule, statement: Statement
) -> tuple[int, Statement]:
    """The finished steps and the statement of a run; UnusableError for its checkpoint."""
    return resumable(last, module, statement) if os.path.lexists(last) else (0, statement)


class Costs(NamedTuple):
    """What a network costs as it runs, and with blocks computed as published."""

    run: Cost
    published: Cost


def costs_of(module: SegmentationModule) -> Costs:
    """For one image of the run's size."""
    model, config = module.model, module.config
    shape = (1, 3, config.image_size, config.image_size)
    cost = measure(model, shape)
    if config.evaluation == "direct" or not any(map(has_two_evaluations, model.modules())):
        return Costs(cost, cost)
    published = measure(set_evaluation(model, "direct"), shape)
    set_evaluation(model, config.evaluation)
    return Costs(cost, published)


class Training(NamedTuple):
    """A finished training: what its record is read from."""

    trainer: Trainer
    module: SegmentationModule
    data: SegmentationData
    step_time: StepTime
    step: int | None  # of the scored weights, unless they are the last


def record_of(
    training: Training, costs: Costs, folder: RunFolder, notes: tuple[str, ...]
) -> RunRecord:
    trainer, module, data, step_time, step = training
    scores, probe = module.scores, data.source.probe
    score = scores[folder.config.score_on]
    return RunRecord(
        config=folder.config,
        miou=score.miou,
        iou=iou_by_class(data.classes, score),
        step=step,
        val_loss=scores["val"].loss,
        test_loss=scores["test"].loss if "test" in scores else None,
        val_miou=scores["val"].miou if "test" in scores else None,
        confusion=counts(score.confusion),
        information=probe.information(score.confusion) if probe else None,
        miou_augmented=module.miou_augmented,
        images=write_images(score, data, folder),
        curve=module.curve,
        params=costs.run.params,
        macs=costs.run.macs,
        macs_direct=costs.published.macs,
        not_counted=costs.run.not_counted or costs.published.not_counted,
        train_seconds=step_time.train_seconds,
        compute_seconds=step_time.compute_seconds,
        data_seconds=step_time.data_seconds,
        validation_seconds=step_time.validation_seconds,
        devices=size(),
        device=device_name(trainer.strategy.root_device),
        versions=versions(),
        commit=commit(),
        data=data.fingerprint,
        failures=folder.failures(),
        notes=notes,
    )


def iou_by_class(classes: tuple[str, ...], score: Score) -> dict[str, float | None]:
    """As a record holds it: None for a class neither labelled nor predicted."""
    return {
        name: None if iou.isnan() else iou.item()
        for name, iou in zip(classes, score.iou, strict=True)
    }


def write_images(score: Score, data: SegmentationData, folder: RunFolder) -> str | None:
    """Keep the counts of every scored image; returns the sha256 of their file.

    Of several processes the first one keeps them.
    """
    if score.pairs is None or rank() > 0:
        return None
    titles, classes = np.array(data.scored_titles()), len(data.classes)
    return ImageCounts(titles, classes, *score.pairs.T.numpy()).write(folder.images)


def counts(confusion: Tensor) -> tuple[tuple[int, ...], ...] | None:
    """The matrix as a record holds it; None if it would be most of the file."""
    if len(confusion) > MOST_CLASSES:
        return None
    return tuple(tuple(row) for row in confusion.tolist())
