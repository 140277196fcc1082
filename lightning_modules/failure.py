"""Records the error that ends a run as its failure."""

import traceback

import torch

from ablations.errors import first_line
from ablations.records import FailureKind, tail
from ablations.run_folder import RunFolder
from lightning_modules.training_losses import NonFiniteLossError

REASON = 500  # characters of an error in the reason; the traceback has all


def note_error(folder: RunFolder, error: BaseException) -> None:
    """Record an error, with its traceback, as a failure of the run."""
    log = tail("".join(traceback.format_exception(error)))
    folder.note_failure(kind_of(error), first_line(error, REASON), log)


def kind_of(error: BaseException) -> FailureKind:
    if isinstance(error, NonFiniteLossError):
        return "non-finite loss"
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "out of memory"
    return "error"
