"""How long functions take, compared fairly: interleaved, medians, threads stated."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

# The timer imports torch's extension compiler, which warns on a machine without a GPU.
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
from torch.utils.benchmark import Timer  # noqa: E402
from torch.utils.benchmark.utils.timer import timer  # noqa: E402

SECONDS_PER_ROUND = 0.05  # per function, at least

Function = Callable[[], object]
Clock = Callable[
    [Function, int], float
]  # of a function and a number of calls: seconds per call


class Latency(NamedTuple):
    """Seconds per call."""

    median: float
    lower: float  # quartile
    upper: float  # quartile


def interleaved(
    functions: Mapping[str, Function], threads: int = 1, rounds: int = 11
) -> dict[str, Latency]:
    """Time each function in turn, round after round, so that a busy moment affects all."""
    clock = partial(timer_seconds, threads)
    calls = {name: calls_per_round(clock, function) for name, function in functions.items()}
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            times[name].append(clock(function, calls[name]))
    return {name: summary(values) for name, values in times.items()}


def find_clock(device: torch.device, threads: int) -> Clock:
    """On a GPU, the time between two of its events; on a CPU, torch's timer."""
    return cuda_seconds if device.type == "cuda" else partial(timer_seconds, threads)


def timer_seconds(threads: int, function: Function, calls: int) -> float:
    """torch.utils.benchmark calls the function twice before it reads the clock.

    It waits for the accelerator before it reads the clock again.
    """
    timer = Timer("function()", globals={"function": function}, num_threads=threads)
    seconds: float = timer.timeit(calls).mean
    return seconds


def cuda_seconds(function: Function, calls: int) -> float:
    """From the start of the first kernel to the end of the last, gaps included."""
    begin = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    function()  # others ran since its last call
    torch.cuda.synchronize()
    begin.record()
    for _ in range(calls):
        function()
    end.record()
    end.synchronize()
    milliseconds: float = begin.elapsed_time(end)
    return milliseconds / 1000 / calls


def single_seconds(function: Function) -> float:
    """Of one call without a warm-up; waits for the accelerator before and after."""
    begin = timer()
    function()
    return float(timer() - begin)


def seconds_of_round(clock: Clock, function: Function, once: float) -> Callable[[], float]:
    """What times one round of a function that was called once, in that many seconds.

    A slow function is called once per round, since a warm-up would cost more than it gains.
    """
    if once > SECONDS_PER_ROUND:
        return partial(single_seconds, function)
    return partial(clock, function, calls_per_round(clock, function))


def calls_per_round(clock: Clock, function: Function) -> int:
    """Enough calls, after a warm-up, that the clock's resolution does not matter."""
    once = min(clock(function, 1) for _ in range(2))
    return max(1, int(np.ceil(SECONDS_PER_ROUND / once)))


def summary(seconds: list[float]) -> Latency:
    lower, median, upper = np.quantile(seconds, [0.25, 0.5, 0.75]).tolist()
    return Latency(median, lower, upper)
