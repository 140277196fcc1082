"""How long functions take, compared fairly: interleaved, medians, threads stated."""

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

# The timer imports torch's extension compiler, which warns on a machine without a GPU.
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
from torch.utils.benchmark import Timer  # noqa: E402

SECONDS_PER_ROUND = 0.05  # per function, at least


class Latency(NamedTuple):
    """Seconds per call."""

    median: float
    lower: float  # quartile
    upper: float  # quartile


def interleaved(
    functions: Mapping[str, Callable[[], object]], threads: int = 1, rounds: int = 11
) -> dict[str, Latency]:
    """Time each function in turn, round after round, so that a busy moment affects all.

    torch.utils.benchmark waits for the accelerator before it reads the clock.
    """
    timers = {
        name: Timer("function()", globals={"function": function}, num_threads=threads)
        for name, function in functions.items()
    }
    calls = {name: calls_per_round(timer) for name, timer in timers.items()}
    times: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            times[name].append(timer.timeit(calls[name]).mean)
    return {name: summary(values) for name, values in times.items()}


def calls_per_round(timer: Timer) -> int:
    """Enough calls, after a warm-up, that the clock's resolution does not matter."""
    once = min(timer.timeit(1).mean for _ in range(2))
    return max(1, int(np.ceil(SECONDS_PER_ROUND / once)))


def summary(seconds: list[float]) -> Latency:
    lower, median, upper = np.quantile(seconds, [0.25, 0.5, 0.75]).tolist()
    return Latency(median, lower, upper)
