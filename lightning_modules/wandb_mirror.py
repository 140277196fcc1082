"""Weights & Biases as a mirror of a run: written to, never read, never waited for long.

Off by default; wandb is imported when a run is mirrored, and on this floor only here. The
README of this floor lists the names that are logged. If the server is down, only the mirror
suffers: the training does not notice, and what could not be uploaded stays on disk for
`wandb sync`.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ablations.errors import InputError, first_line
from ablations.records import TIMES, RunRecord
from ablations.run_folder import RunFolder
from lightning_modules.cost_table import write_cost
from lightning_modules.display import say
from lightning_modules.execution import WandbMode, agent
from lightning_modules.interrupts import Interrupted
from lightning_modules.wandb_checks import check_locked
from lightning_modules.wandb_logger import CURVE_NAMES, MirrorLogger
from lightning_modules.wandb_thread import (
    AGENT_INIT_SECONDS,
    FINISH_SECONDS,
    GRACE_SECONDS,
    INIT_SECONDS,
    Errands,
    seconds,
    stop_service,
)

if TYPE_CHECKING:
    from wandb import Run

PROJECT = "attention-ablations"
RECORD_KEY = "record"
SCORES = ("miou", "val_loss", "test_loss", "information", "miou_augmented")


class Mirror:
    """The W&B run of one training; does nothing if the mode is disabled.

    Everything that wandb does happens in one thread, in order. The training waits for it
    twice, in open() and at the end, for at most the seconds of wandb_thread.
    """

    run: "Run | None" = None
    keeps = True  # saves to disk what could not be uploaded

    def __init__(self, folder: RunFolder, mode: WandbMode) -> None:
        self.folder, self.config, self.mode = folder, folder.config, mode
        self.thread = Errands()
        self.notes: tuple[str, ...] = ()  # what is missing, for the record
        self.notes_taken: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def open(self) -> None:
        """Start the W&B run, offline if the server does not answer.

        For an agent's run, which only the server can end, that is an error. Raises
        InputError for a key that W&B rejects, RuntimeError if W&B shows values other than
        those that the run would use.
        """
        if self.mode == "disabled":
            return
        self.thread.start()
        limit = seconds("INIT_TIMEOUT", AGENT_INIT_SECONDS if agent() else INIT_SECONDS)
        start = self.thread.submit(partial(self.begin, self.mode, limit))
        try:
            self.run = start.result(2 * limit)
        except Exception as error:
            self.refuse_mistakes(error)
            self.begin_offline()
            self.lose(f"no answer before training ({first_line(error)})")
        if self.run is not None:
            check_locked(dict(self.run.config), self.config)

    def begin(self, mode: WandbMode, limit: float) -> "Run":
        import wandb

        limits: dict[str, Any] = {"init_timeout": limit}
        if "finish_timeout" in wandb.Settings.model_fields:  # not in older clients
            limits["finish_timeout"] = seconds("FINISH_TIMEOUT", FINISH_SECONDS)
            limits["finish_timeout_raises"] = True
        else:  # nor do they save what they could not upload before a kill
            self.keeps = mode == "offline"
        return wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=self.config.run_id,
            group=os.environ.get("WANDB_RUN_GROUP", self.folder.study_folder.name),
            config=self.config.model_dump(),
            dir=self.folder.path,
            mode=mode,
            resume="allow" if mode == "online" else None,
            settings=wandb.Settings(**limits),
        )

    def refuse_mistakes(self, error: Exception) -> None:
        """Raise an error that is not an outage, or that an agent must see."""
        import wandb.errors

        if isinstance(error, (wandb.errors.UsageError, wandb.errors.AuthenticationError)):
            raise InputError(f"--wandb {self.mode}: {first_line(error)}") from None
        if agent() or self.mode == "offline":
            raise RuntimeError(
                f"the W&B run could not be started: {first_line(error)}"
            ) from error

    def begin_offline(self) -> None:
        """Log to the run's folder instead, for `wandb sync`."""
        stop_service()
        self.thread.submit(teardown)
        start = self.thread.submit(partial(self.begin, "offline", INIT_SECONDS))
        with suppress(Exception):  # then nothing is saved for W&B
            self.run = start.result(2 * INIT_SECONDS)

    @property
    def logger(self) -> "MirrorLogger | None":
        return MirrorLogger(self.log) if self.run is not None else None

    def log(self, values: Mapping[str, object]) -> None:
        if self.run is not None:
            self.thread.submit(partial(self.run.log, dict(values)))

    def summarise(self, record: RunRecord) -> None:
        """Send the record, under stable names, and its cost as a file."""
        if self.run is None:
            return
        scores = {name: getattr(record, name) for name in SCORES}
        numbers = {name: score for name, score in scores.items() if score is not None}
        cost = {"params": record.params, "macs": record.macs}
        cost["macs_direct"] = record.macs_direct
        times = {name: getattr(record, name) for name in TIMES}
        whole = {RECORD_KEY: record.model_dump_json()}  # sweeps/collect.py reads it back
        summary = numbers | cost | times | {"iou": record.iou} | whole
        self.thread.submit(partial(self.run.summary.update, summary))
        try:
            write_cost(record, self.folder.cost)
        except Exception as error:  # the record is already written
            self.lose(f"no cost table ({first_line(error)})")
            return
        base = self.folder.path
        save = partial(self.run.save, self.folder.cost, base_path=base, policy="now")
        self.thread.submit(save)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.thread.is_alive():
            return
        at_once = isinstance(error, Interrupted) and error.step is None
        if self.run is None or at_once:
            stop_service()
            self.thread.end()
            return
        self.thread.submit(partial(self.run.finish, exit_code=0 if kind is None else 1))
        end = self.thread.submit(teardown)  # the next run rereads its environment
        self.thread.end()
        limit = seconds("FINISH_TIMEOUT", FINISH_SECONDS)
        try:
            end.result(limit + GRACE_SECONDS)
        except TimeoutError:
            self.lose(f"did not finish within {limit + GRACE_SECONDS:g} s")
            stop_service()
        except (Exception, SystemExit) as ending:
            self.lose(first_line(ending))
        except BaseException:  # Ctrl-C: do not wait
            stop_service()
            raise
        for problem in self.thread.failures[:1]:
            self.lose(first_line(problem))

    def lose(self, reason: str) -> None:
        """Note and print, once, that W&B did not receive everything."""
        if self.notes:
            return
        note = f"W&B mirror incomplete: {reason}"
        if self.run is not None and self.keeps:
            run = Path(self.run.dir).parent
            note += f"; `wandb sync --include-online {run}` uploads what was saved"
        self.notes = (note,)
        say(f"ablate: {note}")

    def take_notes(self) -> tuple[str, ...]:
        """The notes on W&B for the record that is being written."""
        self.notes_taken = self.notes
        return self.notes


def teardown() -> None:
    import wandb

    wandb.teardown()


def mirror_record(record: RunRecord, folder: RunFolder, mode: WandbMode) -> None:
    """Mirror a run that already has its record, as if it ran now."""
    with Mirror(folder, mode) as mirror:
        mirror.open()
        for point in record.curve:
            mirror.log({CURVE_NAMES[key]: value for key, value in point.items()})
        mirror.summarise(record)
