"""One run: from a configuration to a record."""

import logging
import os
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.warnings import PossibleUserWarning
from pytorch_lightning import Callback, Trainer, seed_everything
from torch import nn

from ablations.attention import find_block, set_evaluation
from ablations.attention.base import has_two_evaluations
from ablations.complexity import Cost, measure
from ablations.errors import UnwritableError, first_line, writing
from ablations.models import check_network, find_encoder, find_model, find_placement
from ablations.records import FailureKind, RunRecord, tail
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from ablations.sources import check_imported
from lightning_modules.checkpoints import (
    LastCheckpoint,
    Progress,
    Reporter,
    Statement,
    WholeFile,
)
from lightning_modules.data import create_data, find_dataset
from lightning_modules.data.segmentation_data import SegmentationData
from lightning_modules.display import Display
from lightning_modules.execution import AGENT, USUAL, Execution
from lightning_modules.interrupts import Interrupts
from lightning_modules.machine import (
    check_precision,
    commit,
    device_kind,
    device_name,
    versions,
)
from lightning_modules.resuming import UnusableError, resumable, set_aside
from lightning_modules.segmentation import NonFiniteLossError, SegmentationModule
from lightning_modules.step_time import StepTime
from lightning_modules.sweep_check import AsAsked, check_asked
from lightning_modules.wandb_mirror import Mirror, check_mode, show

REASON = 500  # characters of an error that are a reason; its traceback has them all


class BusyError(RuntimeError):
    """Another process is at work on this run."""


def check_names(cells: Iterable[RunConfig]) -> None:
    """InputError for a name that is not known, before anything starts."""
    finders: dict[str, Callable[[str], object]] = {
        "block": find_block,
        "placement": find_placement,
        "model": find_model,
        "encoder": find_encoder,
        "dataset": find_dataset,
    }
    cells = list(cells)
    for key, find in finders.items():
        for name in {getattr(cell, key) for cell in cells}:
            find(name)


def train(
    config: RunConfig,
    study_folder: Path,
    execution: Execution = USUAL,
    progress: Progress | None = None,
) -> RunRecord:
    """Carry out one run, or return its record where it has one.

    Resumes from the last checkpoint of an interrupted run, with the same result.
    A failure is recorded with its reason and raised. Raises BusyError if another process
    holds the run, UnwritableError if its folder takes no more, InputError for a
    configuration that cannot be trained here or is not what the sweep asked this process
    for, and Interrupted after Ctrl-C or SIGTERM.
    """
    check_asked(config.model_dump())
    check_imported(config.model_dump())
    check_mode(execution.wandb)
    folder = RunFolder(study_folder, config)
    if not folder.has_record():
        check_precision(config.precision, execution.accelerator)
    with claim(folder.lock):
        if not (record := folder.find_record()):
            return carry_out(folder, execution, progress)
        if AGENT in os.environ:  # W&B waits for this run
            show(record, folder, execution.wandb)
        return record


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Hold a lock in a run's folder; the system releases it when the process dies."""
    folder, lock = path.parent, FileLock(path)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise BusyError(f"{folder}: another process is at work on this run") from None
    try:
        yield
    finally:
        lock.release()


def carry_out(
    folder: RunFolder, execution: Execution, progress: Progress | None
) -> RunRecord:
    """Train, validate, measure, record; W&B sees it all, failures too.

    The record is written before W&B has been told the last of it.
    """
    with Mirror(folder, execution.wandb) as mirror, quiet():
        with Interrupts() as interrupts:
            try:
                mirror.open()
                record = trained(folder, execution, progress, mirror, interrupts)
            except UnwritableError:  # nor could a failure be
                raise
            except Exception as error:
                note_error(folder, error)
                raise
            folder.finish(record)
        mirror.summarise(record)
    if late := mirror.notes[len(mirror.notes_taken) :]:
        record = record.model_copy(update={"notes": (*record.notes, *late)})
        record.write(folder.record)
    return record


def trained(
    folder: RunFolder,
    execution: Execution,
    progress: Progress | None,
    mirror: Mirror,
    interrupts: Interrupts,
) -> RunRecord:
    """The record of a run; what it cannot resume from is set aside."""
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
    statement = Statement(config.run_id, data.fingerprint, made_with(execution), notes)
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


def made_with(execution: Execution) -> dict[str, str]:
    """What a record and a checkpoint say of the circumstances."""
    device = device_name(torch.device(device_kind(execution.accelerator)))
    return {"device": device, "commit": commit()} | versions()


def published_cost(model: nn.Module, config: RunConfig, cost: Cost) -> Cost:
    """With blocks computed as published; cost is that of their present evaluation."""
    if config.evaluation == "direct" or not any(map(has_two_evaluations, model.modules())):
        return cost
    shape = (1, 3, config.image_size, config.image_size)
    published = measure(set_evaluation(model, "direct"), shape)
    set_evaluation(model, config.evaluation)
    return published


def fit(
    trainer: Trainer,
    module: SegmentationModule,
    data: SegmentationData,
    last: Path | None,
    interrupts: Interrupts,
) -> None:
    """From a checkpoint, else from the start; UnusableError if it cannot be restored."""
    try:
        trainer.fit(module, data, ckpt_path=last, weights_only=True if last else None)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        if last is None or interrupts.training:
            raise
        raise UnusableError("damaged", f"{type(error).__name__}: {error}") from None
    if trainer.global_step != trainer.max_steps:
        raise RuntimeError(f"the training ended at step {trainer.global_step}")


def create_callbacks(
    folder: RunFolder,
    execution: Execution,
    progress: Progress | None,
    interrupts: Interrupts,
    statement: Statement,
) -> list[Callback]:
    """In the order in which they are told of a step: those that may raise at the end."""
    between_steps = interrupts.between_steps
    seconds = execution.checkpoint_every
    callbacks: list[Callback] = [
        between_steps,
        LastCheckpoint(folder.checkpoint, seconds, between_steps, statement),
    ]
    if execution.progress_bar:
        callbacks.append(Display())
    if progress:
        callbacks.append(Reporter(progress, between_steps))
    return [*callbacks, interrupts, AsAsked()]


def create_trainer(
    folder: RunFolder,
    execution: Execution,
    callbacks: list[Callback],
    mirror: Mirror,
) -> Trainer:
    config = folder.config
    return Trainer(
        accelerator=execution.accelerator,
        devices=1,
        precision=config.precision,
        max_steps=config.max_steps,
        val_check_interval=execution.val_every or -(-config.max_steps // 4),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        deterministic="warn",
        logger=mirror.logger or False,
        log_every_n_steps=10,
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder.path,
        plugins=[WholeFile(), LightningEnvironment()],  # the latter also inside Slurm
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Without Lightning's advice: what it advises on is decided by the caller."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PossibleUserWarning)
        warnings.filterwarnings("ignore", "Checkpoint directory .* is not empty")
        warnings.filterwarnings("ignore", ".*LeafSpec.*", FutureWarning)  # Lightning's own
        try:
            yield
        finally:
            logger.setLevel(level)


def note_error(folder: RunFolder, error: BaseException) -> None:
    """An error is a failure of the run, with its traceback."""
    log = tail("".join(traceback.format_exception(error)))
    folder.note_failure(kind_of(error), first_line(error, REASON), log)


def kind_of(error: BaseException) -> FailureKind:
    if isinstance(error, NonFiniteLossError):
        return "non-finite loss"
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "out of memory"
    return "error"
