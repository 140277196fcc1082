"""Weights & Biases as a mirror of a run: written to, never read, never waited for long.

Off by default; wandb is imported when a run is mirrored, and on this floor only here. The
names under which things are logged are in the README. A server that is away costs the
mirror only: the training does not notice, and what W&B did not take stays on disk for
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
from ablations.records import RunRecord
from ablations.run_folder import RunFolder
from lightning_modules.cost_table import write_cost
from lightning_modules.display import say
from lightning_modules.execution import WandbMode
from lightning_modules.interrupts import Interrupted
from lightning_modules.wandb_checks import agent, check_locked
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
TIMES = ("train_seconds", "compute_seconds")


class Mirror:
    """One W&B run while a training lasts; nothing if the mode is disabled.

    All that wandb does happens in one thread, in order. It is waited for at two places, in
    open() and at the end, and for the seconds of wandb_thread.
    """

    run: "Run | None" = None
    keeps = True  # on disk what could not be uploaded

    def __init__(self, folder: RunFolder, mode: WandbMode) -> None:
        self.folder, self.config, self.mode = folder, folder.config, mode
        self.thread = Errands()
        self.notes: tuple[str, ...] = ()  # what is lost, for the record
        self.notes_taken: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def open(self) -> None:
        """Begin the run at W&B, offline if its server is away.

        For an agent's run, which only the server can end, that is an error. Raises
        InputError for a key that W&B does not take, RuntimeError if W&B shows other values
        than the run would use.
        """
        if self.mode == "disabled":
            return
        self.thread.start()
        limit = seconds("INIT_TIMEOUT", AGENT_INIT_SECONDS if agent() else INIT_SECONDS)
        begun = self.thread.give(partial(self.begin, self.mode, limit))
        try:
            self.run = begun.result(2 * limit)
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
        else:  # nor do they write down what they could not upload before they are killed
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
        """Raise what is not an outage, or what an agent has to know."""
        import wandb.errors

        if isinstance(error, (wandb.errors.UsageError, wandb.errors.AuthenticationError)):
            raise InputError(f"--wandb {self.mode}: {first_line(error)}") from None
        if agent() or self.mode == "offline":
            raise RuntimeError(
                f"the W&B run could not be started: {first_line(error)}"
            ) from error

    def begin_offline(self) -> None:
        """What is logged then lies in the run's folder for `wandb sync`."""
        stop_service()
        self.thread.give(teardown)
        begun = self.thread.give(partial(self.begin, "offline", INIT_SECONDS))
        with suppress(Exception):  # then nothing is kept for W&B
            self.run = begun.result(2 * INIT_SECONDS)

    @property
    def logger(self) -> "MirrorLogger | None":
        return MirrorLogger(self.log) if self.run is not None else None

    def log(self, values: Mapping[str, object]) -> None:
        if self.run is not None:
            self.thread.give(partial(self.run.log, dict(values)))

    def summarise(self, record: RunRecord) -> None:
        """What the record says, under stable names, and two files: record and cost."""
        if self.run is None:
            return
        numbers = {"miou": record.miou, "val_loss": record.val_loss}
        cost = {"params": record.params, "macs": record.macs}
        cost["macs_direct"] = record.macs_direct
        times = {name: getattr(record, name) for name in TIMES}
        whole = {RECORD_KEY: record.model_dump_json()}  # sweeps/collect.py reads it again
        summary = numbers | cost | times | {"iou": record.iou} | whole
        self.thread.give(partial(self.run.summary.update, summary))
        try:
            write_cost(record, self.folder.cost)
        except Exception as error:  # the record is written, and stays
            self.lose(f"no cost table ({first_line(error)})")
            return
        base = self.folder.path
        save = partial(self.run.save, self.folder.cost, base_path=base, policy="now")
        self.thread.give(save)

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
        self.thread.give(partial(self.run.finish, exit_code=0 if kind is None else 1))
        ended = self.thread.give(teardown)  # the next run reads its environment anew
        self.thread.end()
        limit = seconds("FINISH_TIMEOUT", FINISH_SECONDS)
        try:
            ended.result(limit + GRACE_SECONDS)
        except TimeoutError:
            self.lose(f"did not finish within {limit + GRACE_SECONDS:g} s")
            stop_service()
        except (Exception, SystemExit) as ending:
            self.lose(first_line(ending))
        except BaseException:  # Ctrl-C: not to be waited for
            stop_service()
            raise
        for problem in self.thread.failures[:1]:
            self.lose(first_line(problem))

    def lose(self, reason: str) -> None:
        """Note once that W&B has not got everything, and say so."""
        if self.notes:
            return
        note = f"W&B mirror incomplete: {reason}"
        if self.run is not None and self.keeps:
            run = Path(self.run.dir).parent
            note += f"; `wandb sync --include-online {run}` uploads what was saved"
        self.notes = (note,)
        say(f"ablate: {note}")

    def take_notes(self) -> tuple[str, ...]:
        """What a record that is now written says of W&B."""
        self.notes_taken = self.notes
        return self.notes


def teardown() -> None:
    import wandb

    wandb.teardown()


def mirror_record(record: RunRecord, folder: RunFolder, mode: WandbMode) -> None:
    """A run that had its record already, as if it ran now."""
    with Mirror(folder, mode) as mirror:
        mirror.open()
        for point in record.curve:
            mirror.log({CURVE_NAMES[key]: value for key, value in point.items()})
        mirror.summarise(record)
