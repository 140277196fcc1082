"""Arithmetic intensity: multiply-adds for each byte that a block must move at least."""

import math
from typing import NamedTuple

from ablations.complexity.any_resolution import cost_at
from ablations.complexity.cost import figure
from ablations.contract import LoneBlock, Size
from ablations.controls import resolve

BYTES = 4  # of a float32


class Intensity(NamedTuple):
    """For one image."""

    least_bytes: int  # x is read once, y written once, and parameters are read once
    macs_direct: int | str  # as published, or why they are not counted
    macs_fast: int | str  # as run
    direct: float  # multiply-adds per least byte; NaN if they are not counted
    fast: float


def intensity_of(block: str, channels: int, size: Size) -> Intensity:
    height, width = size
    resolved = resolve(block, channels, size)
    direct = cost_at(LoneBlock(resolved, channels, "direct"), size)
    fast = cost_at(LoneBlock(resolved, channels, "fast"), size)
    least = BYTES * (2 * channels * height * width + direct.params)
    figures = figure(direct), figure(fast)
    return Intensity(least, *figures, *(per_byte(macs, least) for macs in figures))


def per_byte(macs: int | str, least: int) -> float:
    return math.nan if isinstance(macs, str) else macs / least
