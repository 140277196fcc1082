"""One run: from a configuration to a record."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from ablations.blocks import find_block
from ablations.encoders import check_encoder, check_model
from ablations.errors import UnwritableError
from ablations.placements import find_placement
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from ablations.sources import check_imported
from lightning_modules.checkpoints import Progress
from lightning_modules.data import find_dataset
from lightning_modules.data.augmentations import find_augmentation
from lightning_modules.devices import check_share, find_team
from lightning_modules.execution import USUAL, Execution, agent
from lightning_modules.failure import noted
from lightning_modules.helper import train_along
from lightning_modules.helpers import helped, met
from lightning_modules.interrupts import Interrupts
from lightning_modules.lock import claim
from lightning_modules.losses import find_loss
from lightning_modules.machine import check_compiler, check_precision
from lightning_modules.ranks import decided_by_first, rank
from lightning_modules.sweep_check import check_cell
from lightning_modules.trainer import check_validations, quiet
from lightning_modules.training import train_or_restart
from lightning_modules.wandb_checks import check_mode
from lightning_modules.wandb_mirror import Mirror, mirror_record


def check_names(configs: Iterable[RunConfig], folder: Path | None = None) -> None:
    """InputError for an unknown name, before anything starts; folder holds data sets."""
    finders: dict[str, Callable[[str], object]] = {
        "block": find_block,
        "placement": find_placement,
        "model": check_model,
        "encoder": check_encoder,
        "dataset": partial(find_dataset, folder=folder),
        "augmentation": find_augmentation,
        "loss": find_loss,
    }
    configs = list(configs)
    for key, find in finders.items():
        for name in {getattr(config, key) for config in configs}:
            find(name)


def train(
    config: RunConfig,
    study_folder: Path,
    execution: Execution = USUAL,
    progress: Progress | None = None,
) -> RunRecord:
    """Carry out one run, or return its record if it has one.

    Resumes from the last checkpoint of an interrupted run, with the same result.
    A failure is recorded with its reason and raised. Raises BusyError if another process
    holds the run, UnwritableError if its folder cannot be written, InputError for a
    configuration that cannot be trained here or is not what the sweep asked this process
    for, and Interrupted after Ctrl-C or SIGTERM. Of several processes each returns the
    record; the first one writes it.
    """
    check_cell(config.model_dump())
    check_imported(config.model_dump())
    check_mode(execution.wandb)
    folder, team = RunFolder(study_folder, config), find_team(execution)
    if not folder.has_record():
        check_precision(config.precision, execution.accelerator)
        check_compiler(config.compile, execution.accelerator)
        check_validations(config.select, execution.val_every)
        check_share(config, team)
    alone = team.starter == "ablate"
    with ExitStack() as held:
        if team.size > 1 and not alone:
            held.enter_context(met(team, execution))
        record = decided_by_first(partial(claim_or_read, folder, held))
        if record is None:
            if team.size > 1 and alone:
                held.enter_context(helped(team, folder, execution))
            if rank() > 0:
                return train_along(folder, execution)
            return carry_out(folder, execution, progress)
        if agent() and rank() == 0:  # W&B waits for this run
            mirror_record(record, folder, execution.wandb)
        return record


def claim_or_read(folder: RunFolder, held: ExitStack) -> RunRecord | None:
    """The record of a finished run; otherwise the run is held, and None is returned."""
    held.enter_context(claim(folder.lock))
    return folder.find_record()


def carry_out(
    folder: RunFolder, execution: Execution, progress: Progress | None
) -> RunRecord:
    """Train, validate, measure and record; W&B shows all of it, failures included.

    The record is written before W&B gets the summary.
    """
    before = folder.failures()
    with Mirror(folder, execution.wandb) as mirror, quiet():
        with Interrupts() as interrupts:
            try:
                mirror.open()
                record = train_or_restart(folder, execution, progress, mirror, interrupts)
            except UnwritableError:  # a failure could not be written either
                raise
            except Exception as error:
                told = noted(folder, error, before)
                if told is error:
                    raise
                raise told from None
            folder.finish(record)
        mirror.summarise(record)
    if late := mirror.notes[len(mirror.notes_taken) :]:
        record = record.model_copy(update={"notes": (*record.notes, *late)})
        record.write(folder.record)
    return record
