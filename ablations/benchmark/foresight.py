"""The least seconds of a call, known before it from its multiply-adds."""

from functools import cache

import torch
from torch import Tensor

from ablations.benchmark.timing import single_seconds
from ablations.errors import InputError

SIDE = 1024  # of the matrices whose product tells the speed of the device


def check_seconds(what: str, macs: int, x: Tensor, threads: int, limit: float) -> None:
    """InputError if the multiply-adds of a call, named what, take longer than the limit."""
    least = macs / macs_per_second(x.device, x.dtype, threads)
    if least > limit:
        raise InputError(
            f"{what} would take at least {least:.0f} s; one call may take {limit:g} s"
        )


@cache
def macs_per_second(device: torch.device, dtype: torch.dtype, threads: int) -> float:
    """The speed of a large matrix product, which few blocks reach."""
    matrix = torch.ones(SIDE, SIDE, dtype=dtype, device=device)
    seconds = min(single_seconds(lambda: matrix @ matrix) for _ in range(5))
    return float(SIDE**3 / seconds)
