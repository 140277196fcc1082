"""Weights & Biases as a mirror of a run: written to, never read, never waited for long.

Off by default. The only file outside sweeps and reports that imports wandb. The names under
which things are logged are in the README. A server that is away costs the mirror only: the
training does not notice, and what W&B did not take stays on disk for `wandb sync`.
"""

import os
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pytorch_lightning.loggers.logger import Logger

from ablations.errors import InputError, first_line
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.display import say
from lightning_modules.execution import AGENT, WandbMode
from lightning_modules.interrupts import Interrupted

if TYPE_CHECKING:
    from wandb import Run

PROJECT = "attention-ablations"
RECORD_KEY = "record"
TIMES = ("train_seconds", "compute_seconds")
CURVE_NAMES = {
    "step": "trainer/global_step",
    "train_loss": "train/loss",
    "val_miou": "val/miou",
}


INIT_SECONDS = 15.0  # to begin a run, and as long again to log in; or $WANDB_INIT_TIMEOUT
AGENT_INIT_SECONDS = 90.0  # the same for a run that W&B handed out, which needs its server
FINISH_SECONDS = 30.0  # to upload the rest after the training; or $WANDB_FINISH_TIMEOUT
GRACE_SECONDS = 5.0  # beyond that, for wandb to end by itself


class Mirror:
    """One W&B run while a training lasts; nothing if the mode is disabled.

    All that wandb does happens in one thread, in order. It is waited for at two places, in
    open() and at the end, and for the seconds above.
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
            self.lose(f"no answer before the training ({first_line(error)})")
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
            raise RuntimeError(f"W&B run not begun: {first_line(error)}") from error

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
            self.lose(f"no table of costs ({first_line(error)})")
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
            self.lose(f"not finished after {limit + GRACE_SECONDS:g} s")
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
        note = f"W&B mirror lost: {reason}"
        if self.run is not None and self.keeps:
            kept = Path(self.run.dir).parent
            note += f"; `wandb sync --include-online {kept}` uploads what was kept"
        self.notes = (note,)
        say(f"ablate: {note}")

    def take_notes(self) -> tuple[str, ...]:
        """What a record that is now written says of W&B."""
        self.notes_taken = self.notes
        return self.notes


class MirrorLogger(Logger):
    """Lightning's metrics, under the names that Lightning's own logger for W&B uses."""

    def __init__(self, log: Callable[[Mapping[str, object]], None]) -> None:
        super().__init__()
        self.log = log

    @property
    def name(self) -> None:
        return None

    @property
    def version(self) -> None:
        return None

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.log({**metrics, CURVE_NAMES["step"]: step})

    def log_hyperparams(self, *arguments: Any, **named: Any) -> None:
        pass


class Errands(Thread):
    """A thread that does one thing after the other; nobody has to wait for it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.queue: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = (
            SimpleQueue()
        )
        self.failures: list[BaseException] = []

    def give(self, errand: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self.queue.put((errand, future))
        return future

    def end(self) -> None:
        """After what was given until now."""
        self.queue.put(None)

    def run(self) -> None:
        while (given := self.queue.get()) is not None:
            errand, future = given
            try:
                future.set_result(errand())
            except BaseException as error:  # wandb may leave by SystemExit
                self.failures.append(error)
                future.set_exception(error)


def teardown() -> None:
    import wandb

    wandb.teardown()


def stop_service() -> None:
    """Kill wandb's own process, if it is this one's, so that nothing waits for it."""
    command = ["pkill", "-KILL", "-P", str(os.getpid()), "wandb-core"]
    with suppress(OSError):  # no pkill: it ends with this process
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603, fixed


def agent() -> bool:
    """Whether W&B's server handed this run out."""
    return AGENT in os.environ


def seconds(name: str, default: float) -> float:
    """A limit, which W&B's own variable of that name may change."""
    given = os.environ.get(f"WANDB_{name}", default)
    try:
        return float(given)
    except ValueError:
        raise InputError(f"WANDB_{name} = {given!r}: not a number of seconds") from None


def show(record: RunRecord, folder: RunFolder, mode: WandbMode) -> None:
    """A run that had its record already, as if it ran now."""
    with Mirror(folder, mode) as mirror:
        mirror.open()
        for point in record.curve:
            mirror.log({CURVE_NAMES[key]: value for key, value in point.items()})
        mirror.summarise(record)


def write_cost(record: RunRecord, path: Path) -> None:
    """A row for each block of the network, and one for the whole of it."""
    from ablations.complexity.costs import landing_costs
    from ablations.complexity.model_cost import Setting

    config, size = record.config, (record.config.image_size,) * 2
    network = (config.model, config.encoder, config.placement, len(record.iou))
    table = landing_costs(config.block, Setting(*network, size), config.evaluation)
    macs = f"not counted: {record.not_counted}" if record.macs is None else record.macs
    table.loc[len(table)] = ["(whole network)", None, None, record.params, macs]
    table.to_csv(path, index=False)


def check_mode(mode: WandbMode) -> None:
    """InputError for an agent's run that the server would not see."""
    if agent() and {mode, os.environ.get("WANDB_MODE")} & {"offline", "dryrun"}:
        raise InputError(
            "an agent's runs are handed out by W&B's server, which would wait for ever for "
            "one that is offline; `ablate sweep FILE --wandb offline` needs no server"
        )


def check_locked(effective: dict[str, object], config: RunConfig) -> None:
    """W&B shows what a sweep asked for, even where the script did something else."""
    for key, value in config.model_dump().items():
        if effective.get(key) != value:
            raise RuntimeError(
                f"W&B says {key} = {effective.get(key)!r}, the run would use {value!r}"
            )
