"""Lightning's trainer as a run needs it."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.warnings import PossibleUserWarning
from pytorch_lightning import Callback, Trainer

from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.checkpoints import (
    LastCheckpoint,
    Progress,
    Reporter,
    Statement,
    WholeFile,
)
from lightning_modules.data.segmentation_data import SegmentationData
from lightning_modules.display import Display
from lightning_modules.execution import Execution
from lightning_modules.interrupts import Interrupts
from lightning_modules.parallel import environment, processes
from lightning_modules.resuming import UnusableError
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.sweep_check import MatchesSweep
from lightning_modules.wandb_mirror import Mirror


def create_trainer(
    folder: RunFolder,
    execution: Execution,
    callbacks: list[Callback],
    mirror: Mirror,
) -> Trainer:
    config = folder.config
    return Trainer(
        **arguments(config),
        accelerator=execution.accelerator,
        val_check_interval=execution.val_every or -(-config.max_steps // 4),
        logger=mirror.logger or False,
        log_every_n_steps=10,
        callbacks=callbacks,
        default_root_dir=folder.path,
        plugins=[WholeFile(), environment()],
        **processes(),
    )


def create_bare_trainer(config: RunConfig) -> Trainer:
    """Trains as a run does, but writes and shows nothing."""
    return Trainer(
        **arguments(config),
        devices=1,
        val_check_interval=config.max_steps,
        logger=False,
        enable_checkpointing=False,
        plugins=[LightningEnvironment()],  # even inside Slurm
    )


def arguments(config: RunConfig) -> dict[str, Any]:
    """What every training of a configuration has in common."""
    return {
        "precision": config.precision,
        "max_steps": config.max_steps,
        "check_val_every_n_epoch": None,
        "num_sanity_val_steps": 0,
        "deterministic": "warn",
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }


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
        warnings.filterwarnings("ignore", ".*LeafSpec.*", FutureWarning)  # Lightning's own
        try:
            yield
        finally:
            logger.setLevel(level)
