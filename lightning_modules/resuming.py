"""Which checkpoint a run resumes from: its own, intact, or none.

Any other is set aside under a new name, with a message, and the run restarts.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch

from ablations.errors import first_line, writing
from lightning_modules.checkpoints import STATEMENT, Statement
from lightning_modules.display import say
from lightning_modules.segmentation import SegmentationModule

PARTS = {"state_dict", "loops", "optimizer_states", "lr_schedulers", "callbacks", "curve"}


class UnusableError(Exception):
    """A checkpoint cannot be resumed from; its new name ends in the kind of problem."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        return type(self), (self.kind, str(self))  # for other processes


def resumable(
    path: Path, module: SegmentationModule, statement: Statement
) -> tuple[int, Statement]:
    """The step of a checkpoint, and the statement with the notes that it adds.

    Raises UnusableError.
    """
    checkpoint = read(path)
    if STATEMENT not in checkpoint:
        raise UnusableError("unknown", "it does not name its run")
    try:
        own = Statement(**checkpoint[STATEMENT])
        step = steps_done(checkpoint)
        fits = shapes(checkpoint["state_dict"]) == shapes(module.state_dict())
        made_with = {"devices": "1"} | dict(own.made_with)  # older ones do not state it
        notes = tuple(str(note) for note in own.notes)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise UnusableError("damaged", f"{type(error).__name__}: {error}") from None
    if own.run != statement.run:
        raise UnusableError("of-another-run", f"it belongs to run {own.run}")
    if own.data != statement.data:
        raise UnusableError("of-other-data", "it was made with different data")
    if not 0 < step <= module.config.max_steps:
        raise UnusableError("damaged", f"it is at step {step} of {module.config.max_steps}")
    if not fits:
        raise UnusableError("damaged", "its network has different parameters")
    return step, replace(statement, notes=notes + differences(step, made_with, statement))


def read(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, read without executing anything in it."""
    if not path.is_file():
        raise UnusableError("damaged", "it is not a file")
    try:
        with zipfile.ZipFile(path) as archive:
            if (part := archive.testzip()) is not None:
                raise UnusableError("damaged", f"{part} is damaged")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except UnusableError:
        raise
    except Exception as error:  # damaged bytes raise errors of many kinds
        raise UnusableError("damaged", first_line(error)) from None
    if not isinstance(checkpoint, dict):
        raise UnusableError("damaged", "it does not hold a training state")
    return checkpoint


def steps_done(checkpoint: dict[str, Any]) -> int:
    """The step; ValueError if its loops disagree, KeyError if a part is missing."""
    for part in PARTS:
        checkpoint[part]
    step = checkpoint["global_step"]
    progress = checkpoint["loops"]["fit_loop"][
        "epoch_loop.automatic_optimization.optim_progress"
    ]
    optimizer_step = progress["optimizer"]["step"]["total"]["completed"]
    if type(step) is not int or step != optimizer_step:
        raise ValueError(f"it is at step {step!r}, but its optimizer at {optimizer_step!r}")
    return step


def shapes(tensors: Mapping[str, object]) -> dict[str, object]:
    return {name: getattr(tensor, "shape", None) for name, tensor in tensors.items()}


def differences(
    step: int, made_with: dict[str, str], statement: Statement
) -> tuple[str, ...]:
    now = statement.made_with
    return tuple(
        f"resumed at step {step} with {key} {now[key]}, previously {made_with.get(key)}"
        for key in now
        if made_with.get(key) != now[key]
    )


def set_aside(path: Path, problem: UnusableError) -> str:
    """Rename a checkpoint; print and return the sentence that says so."""
    new = path.with_name(f"{path.name}.{problem.kind}")
    number = 1
    while new.exists() or new.is_symlink():
        number += 1
        new = path.with_name(f"{path.name}.{problem.kind}-{number}")
    with writing(path):
        path.rename(new)
    reason = str(problem)[:200]
    note = f"a checkpoint was set aside as {new.name} and the run restarted: {reason}"
    say(f"ablate: {path.parent}: {note}")
    return note
