"""A DataLoader whose processes report what is wrong with the data in one line."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader

from ablations.errors import InputError

Batch = tuple[Tensor, Tensor]  # images (B, 3, H, W), labels (B, H, W)


class Loader(DataLoader[Batch]):
    """Batches. An InputError in a process that loads them keeps its message."""

    def __iter__(self) -> Any:  # torch names a private type
        return own_errors(super().__iter__())


def own_errors(batches: Iterator[Batch]) -> Iterator[Batch]:
    """torch puts a whole traceback into the error; its last line holds the message."""
    try:
        yield from batches
    except InputError as error:
        message = str(error).rpartition(f"{InputError.__name__}: ")[2]
        raise InputError(message.strip()) from None
