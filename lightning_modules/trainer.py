"""Lightning's trainer as a run needs it."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.warnings import PossibleUserWarning
from pytorch_lightning import Callback, Trainer

from ablations.errors import InputError
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.average import MovingAverage
from lightning_modules.best_weights import BestWeights
from lightning_modules.checkpoints import (
    LastCheckpoint,
    Progress,
    Reporter,
    Statement,
    WholeFile,
)
from lightning_modules.data.segmentation_data import SegmentationData
from lightning_modules.display import Display
from lightning_modules.execution import Accelerator, Execution, KeepWeights
from lightning_modules.interrupts import Interrupts
from lightning_modules.parallel import environment, processes
from lightning_modules.resuming import UnusableError
from lightning_modules.segmentation import LOG_EVERY, SegmentationModule
from lightning_modules.sweep_check import MatchesSweep
from lightning_modules.wandb_mirror import Mirror

REPEATABLE: Any = "warn"  # deterministic algorithms, and a warning where torch has none


def create_trainer(
    folder: RunFolder,
    execution: Execution,
    callbacks: list[Callback],
    mirror: Mirror,
) -> Trainer:
    config = folder.config
    # What torch.empty holds is overwritten before it is read; to fill it costs time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return Trainer(
        **arguments(config),
        deterministic=REPEATABLE if execution.deterministic else False,
        accelerator=execution.accelerator,
        val_check_interval=execution.val_every or validation_interval(config),
        logger=mirror.logger or False,
        log_every_n_steps=LOG_EVERY,
        callbacks=callbacks,
        default_root_dir=folder.path,
        plugins=[WholeFile(), environment()],
        **processes(),
    )


def create_bare_trainer(config: RunConfig, best: Path) -> Trainer:
    """Trains as a run does, but shows nothing, and writes the best weights if anything."""
    selects = config.select == "best"
    interval = validation_interval(config) if selects else config.max_steps
    return Trainer(
        **arguments(config),
        **alone(),
        val_check_interval=interval,
        callbacks=recipe_callbacks(config, best),
    )


def create_scoring_trainer(config: RunConfig, accelerator: Accelerator) -> Trainer:
    """Scores a trained network; writes and shows nothing."""
    return Trainer(
        **arguments(config),
        **alone(),
        accelerator=accelerator,
    )


def alone() -> dict[str, Any]:
    """Of one process that keeps nothing."""
    return {
        "deterministic": REPEATABLE,
        "devices": 1,
        "logger": False,
        "enable_checkpointing": False,
        "plugins": [LightningEnvironment()],  # even inside Slurm
    }


def arguments(config: RunConfig) -> dict[str, Any]:
    """What every training of a configuration has in common."""
    return {
        "precision": config.precision,
        "max_steps": config.max_steps,
        "gradient_clip_val": config.clip_gradient,  # of the norm
        "check_val_every_n_epoch": None,
        "num_sanity_val_steps": 0,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }


def validation_interval(config: RunConfig) -> int:
    """Steps between validations; the last one may follow sooner, at the end."""
    return -(-config.max_steps // config.validations)


def check_validations(select: str, val_every: int | None) -> None:
    """InputError if other validations would select other weights."""
    if select == "best" and val_every is not None:
        raise InputError(
            f"val_every = {val_every}: with select = 'best' the validations decide the "
            "result; set their number with the key validations instead"
        )


def recipe_callbacks(
    config: RunConfig, best: Path, kept: KeepWeights | None = None
) -> list[Callback]:
    """What decides which weights are scored or kept; place them before others."""
    callbacks: list[Callback] = []
    if "best" in (config.select, kept):
        callbacks.append(BestWeights(best))
    if config.ema is not None:
        callbacks.append(MovingAverage(config.ema))
    return callbacks


def create_callbacks(
    folder: RunFolder,
    execution: Execution,
    progress: Progress | None,
    interrupts: Interrupts,
    statement: Statement,
) -> list[Callback]:
    """The callbacks in calling order: those that may raise come last."""
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
    return [*callbacks, interrupts, MatchesSweep()]


def fit(
    trainer: Trainer,
    module: SegmentationModule,
    data: SegmentationData,
    last: Path | None,
    interrupts: Interrupts,
) -> None:
    """Train from a checkpoint or the start; UnusableError if it cannot be restored."""
    try:
        trainer.fit(module, data, ckpt_path=last, weights_only=True if last else None)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        if last is None or interrupts.training:
            raise
        raise UnusableError("damaged", f"{type(error).__name__}: {error}") from None
    if trainer.global_step != trainer.max_steps:
        raise RuntimeError(
            f"training ended at step {trainer.global_step} of {trainer.max_steps}"
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Lightning's advice: the caller decides what it is about."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PossibleUserWarning)
        warnings.filterwarnings("ignore", "Checkpoint directory .* is not empty")
        # a resumed run may keep other weights than it did before
        warnings.filterwarnings("ignore", ".*following callbacks: .'BestWeights'.")
        warnings.filterwarnings("ignore", ".*LeafSpec.*", FutureWarning)  # Lightning's own
        try:
            yield
        finally:
            logger.setLevel(level)
