"""Records the error that ends a run as its failure."""

import traceback

import torch

from ablations.errors import InputError, first_line
from ablations.records import FailureKind, tail
from ablations.run_folder import RunFolder
from lightning_modules.ranks import is_lost_connection, size
from lightning_modules.training_losses import NonFiniteLossError

REASON = 500  # characters of an error in the reason; the traceback has all


def note_error(folder: RunFolder, error: BaseException) -> None:
    """Record an error, with its traceback, as a failure of the run."""
    log = tail("".join(traceback.format_exception(error)))
    folder.note_failure(kind_of(error), first_line(error, REASON), log)


def noted(folder: RunFolder, error: Exception, before: tuple[str, ...]) -> Exception:
    """The error that ended a run, recorded once, whichever of its processes had it.

    before are the failures at the start of this attempt: another process records its own.
    """
    elsewhere = size() > 1 and is_lost_connection(error)
    if size() == 1 or folder.failures() == before:
        if elsewhere:
            error = RuntimeError("the process of another device ended")
        note_error(folder, error)
        return error
    if not elsewhere:
        return error
    kind, _, message = folder.failures()[-1].partition(": ")
    if kind == InputError.__name__:
        return InputError(message)
    return RuntimeError(f"on another device: {kind}: {message}".removesuffix(": "))


def kind_of(error: BaseException) -> FailureKind:
    if isinstance(error, NonFiniteLossError):
        return "non-finite loss"
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "out of memory"
    return "error"
