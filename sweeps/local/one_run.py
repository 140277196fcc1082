"""One run, carried out in this process: whatever happens becomes one message."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from ablations.errors import UnwritableError
from ablations.records import RunRecord
from lightning_modules.execution import Execution
from lightning_modules.lock import BusyError, claim
from sweeps.attempt import Attempt
from sweeps.local.command import as_child, run_command
from sweeps.local.logs import log_into
from sweeps.study.command import own_flags
from sweeps.study.study import Launch, PlannedRun


class Message(NamedTuple):
    """What a worker reports about its current run, or what its parent observes."""

    kind: Literal[
        "begun", "progress",  # the run continues
        "finished", "recorded", "busy", "failed", "unwritable",  # reported by the worker
        "died", "overdue", "stopped",  # observed or decided by its parent
    ]  # fmt: skip
    step: int = 0
    loss: float = 0.0
    miou: float | None = None
    reason: str = ""
    log: str = ""


Tell = Callable[[Message], None]


def carry_out(run: PlannedRun, launch: Launch, execution: Execution, tell: Tell) -> Message:
    """Train one run; returns how it ended. Raises only if this process is told to stop."""
    from lightning_modules.failure import note_error

    folder = launch.folder(run)
    if folder.has_record():  # another runner was faster
        return Message("recorded")
    attempt = Attempt(folder)
    try:
        record = train_or_call(run, launch, execution, tell)
    except BusyError:
        return Message("busy")
    except UnwritableError as error:
        return Message("unwritable", reason=str(error))
    except BaseException as error:  # a user's block may raise anything
        if is_stop(error):
            raise
        if attempt.failure() is None:  # it failed outside the training
            note_error(folder, cause_of(error))
        return Message("failed", reason=folder.failures()[-1])
    return Message("finished", miou=record.miou)


def train_or_call(
    run: PlannedRun, launch: Launch, execution: Execution, tell: Tell
) -> RunRecord:
    """Train in this process, or call the command of a sweep that uses another program."""
    from lightning_modules.run import train

    def progress(step: int, loss: float) -> None:
        tell(Message("progress", step=step, loss=loss))

    folder = launch.folder(run)
    with log_into(folder.log), as_child(run, launch, execution.wandb):
        if not trains_itself(launch):
            with claim(folder.command_lock):  # the command may take the run's own lock
                return run_command(run, launch)
        silent = execution.model_copy(update={"progress_bar": False})
        return train(run.config, launch.study_folder, silent, progress)


def trains_itself(launch: Launch) -> bool:
    """Whether the command is this suite's own training, which needs no new process."""
    return own_flags(launch.command, launch.program) is not None


def is_stop(error: BaseException) -> bool:
    """Whether a signal ended the run: Stopped, or Lightning's own; not sys.exit()."""
    return isinstance(error, SystemExit) and type(error) is not SystemExit


def cause_of(error: BaseException) -> BaseException:
    """Lightning exits when a block raises KeyboardInterrupt."""
    cause = error.__context__
    if isinstance(error, SystemExit) and isinstance(cause, KeyboardInterrupt):
        return cause
    return error
