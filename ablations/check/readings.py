"""What blocks receive and return in a network."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from torch import Tensor, nn

from ablations.check.promises import rms
from ablations.insertion import PlacedBlock


class Reading(NamedTuple):
    """What a block received when the network first called it, and how it scaled it."""

    block: nn.Module
    x: Tensor
    scale: float  # RMS of the output over that of the input


@contextmanager
def reading(blocks: Sequence[PlacedBlock]) -> Iterator[list[Reading]]:
    """A list that fills while the network runs, with one entry per block that it calls."""
    readings: dict[nn.Module, Reading] = {}
    placed = {block.module for block in blocks}  # and not copies of them

    def note(block: nn.Module, arguments: tuple[Tensor], output: Tensor) -> None:
        if block in placed and block not in readings:
            x = arguments[0].detach()
            readings[block] = Reading(block, x, rms(output) / max(rms(x), 1e-30))

    handles = [block.module.register_forward_hook(note) for block in blocks]
    found: list[Reading] = []
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
        found.extend(readings.values())
