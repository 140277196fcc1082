"""One run: from a configuration to a record."""

import logging
import os
import platform
import subprocess
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import torch
from filelock import FileLock, Timeout
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.warnings import PossibleUserWarning
from pytorch_lightning import Callback, Trainer, seed_everything
from pytorch_lightning.callbacks import TQDMProgressBar

from ablations.attention import find_block, set_evaluation
from ablations.complexity import measure
from ablations.errors import UnwritableError, printable, writing
from ablations.models import check_size, find_encoder, find_model, find_placement
from ablations.records import (
    Failure,
    FailureKind,
    RunRecord,
    failures,
    run_folder,
    tail,
)
from ablations.study import RunConfig, Study
from lightning_modules import checkpoints
from lightning_modules.as_asked import AsAsked, check_asked
from lightning_modules.checkpoints import (
    BetweenSteps,
    LastCheckpoint,
    Progress,
    Reporter,
    WholeFile,
)
from lightning_modules.data import create_data, find_dataset
from lightning_modules.data.segmentation_data import SegmentationData
from lightning_modules.mirror import AGENT, Mirror, WandbMode, check_mode, show
from lightning_modules.segmentation import NonFiniteLossError, SegmentationModule

PACKAGES = ["torch", "pytorch-lightning", "segmentation-models-pytorch", "timm", "numpy"]
REASON = 500  # characters of an error that are a reason; its traceback has them all


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How a run is carried out. Nothing here changes its result."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    workers: int = 0  # processes that load data
    data_folder: Path | None = None
    wandb: WandbMode = "disabled"
    val_every: int | None = None  # steps; None: four times in a run
    checkpoint_every: float = 60.0  # seconds
    progress_bar: bool = True
    sweep: Study | None = None  # that asks for the run


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
    study: Path,
    execution: Execution = Execution(),
    progress: Progress | None = None,
) -> RunRecord:
    """Carry out one run, or return its record where it has one.

    Goes on from the last checkpoint of an interrupted run, with the same result.
    A failure is recorded with its reason and raised. Raises BusyError where another
    process holds the run, UnwritableError where its folder takes no more, InputError for a
    configuration that cannot be trained or is not what the sweep asked this process for.
    """
    check_asked(config.model_dump())
    check_mode(execution.wandb)
    folder = run_folder(config, study)
    with claim(folder):
        path = folder / "record.json"
        if path.exists():
            record = RunRecord.read(path)
            if AGENT in os.environ:  # W&B waits for this run
                show(record, folder, execution.wandb)
            return record
        try:
            record = fit(config, folder, execution, progress)
        except UnwritableError:  # nor could a failure be
            raise
        except Exception as error:
            failure(config, error).note(study)
            raise
        record.write(path)
        for leftover in ("failure.json", checkpoints.NAME):
            (folder / leftover).unlink(missing_ok=True)
        return record


@contextmanager
def claim(folder: Path, name: str = "lock") -> Iterator[None]:
    """Hold a run's folder; the system lets go of it when the process dies."""
    lock = FileLock(folder / name)
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


def fit(
    config: RunConfig, folder: Path, execution: Execution, progress: Progress | None
) -> RunRecord:
    """Train, validate, measure; W&B sees it all, failures too."""
    with Mirror(config, folder, execution.wandb) as mirror, quiet():
        record = train_and_measure(config, folder, execution, progress, mirror)
        mirror.summarise(record)
    return record


def train_and_measure(
    config: RunConfig,
    folder: Path,
    execution: Execution,
    progress: Progress | None,
    mirror: Mirror,
) -> RunRecord:
    data = create_data(config, execution.data_folder, execution.workers)
    side = config.image_size
    check_size(config.model, config.encoder, side, side)
    seed_everything(config.seed, verbose=False)
    module = SegmentationModule(config, data.classes)
    published = measure(set_evaluation(module.model, "direct"), (1, 3, side, side))
    cost = measure(set_evaluation(module.model, config.evaluation), (1, 3, side, side))
    trainer = create_trainer(config, folder, execution, progress, mirror)
    resume(trainer, module, data, folder / checkpoints.NAME)
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
        train_seconds=module.train_seconds,
        device=device_name(trainer),
        versions=versions(),
        commit=commit(),
        data=data.fingerprint,
        failures=failures(config, folder.parent),
    )


def resume(
    trainer: Trainer, module: SegmentationModule, data: SegmentationData, last: Path
) -> None:
    """Fit from the last checkpoint where there is one, else from the start."""
    if not last.exists():
        trainer.fit(module, data)
        return
    data.first_step = torch.load(last, weights_only=True, mmap=True)["global_step"]
    trainer.fit(module, data, ckpt_path=last, weights_only=True)


def create_trainer(
    config: RunConfig,
    folder: Path,
    execution: Execution,
    progress: Progress | None,
    mirror: Mirror,
) -> Trainer:
    between_steps = BetweenSteps()
    callbacks: list[Callback] = [
        between_steps,  # before those that may raise
        LastCheckpoint(
            folder / checkpoints.NAME, execution.checkpoint_every, between_steps
        ),
        AsAsked(),
    ]
    if execution.progress_bar:
        callbacks.append(TQDMProgressBar())
    if progress:
        callbacks.append(Reporter(progress, between_steps))
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
        enable_progress_bar=execution.progress_bar,
        enable_model_summary=False,
        default_root_dir=folder,
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


def failure(config: RunConfig, error: BaseException) -> Failure:
    return Failure(
        config=config,
        kind=kind_of(error),
        reason=reason_of(error),
        log=tail("".join(traceback.format_exception(error))),
    )


def reason_of(error: BaseException) -> str:
    """One line: the class, and the first line of its words if it has any."""
    try:
        first_line = (str(error).strip().splitlines() or [""])[0]
    except Exception:  # a user's error may not even say what it is
        first_line = ""
    return printable(f"{type(error).__name__}: {first_line}", REASON).removesuffix(":")


def kind_of(error: BaseException) -> FailureKind:
    if isinstance(error, NonFiniteLossError):
        return "non-finite loss"
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "out of memory"
    return "error"


def device_name(trainer: Trainer) -> str:
    device = trainer.strategy.root_device
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


def versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {
        name: version(name) for name in PACKAGES
    }


def commit() -> str:
    """The commit of this code, with -dirty where files were changed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    result = subprocess.run(  # noqa: S603, a fixed command
        command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or "unknown"
