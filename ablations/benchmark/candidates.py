"""Modules that are compared: each is measured as far as possible, and says what was not."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from ablations.benchmark.foresight import check_seconds
from ablations.benchmark.memory import peak_of_call
from ablations.benchmark.tasks import TASKS
from ablations.benchmark.timing import (
    Function,
    seconds_of_round,
    single_seconds,
    summary,
    timer_seconds,
)
from ablations.errors import InputError, named_errors, printable
from ablations.memory import check_memory
from ablations.time_limit import TooLongError, at_most

COMPILING = 900  # seconds that torch.compile may take


class Effort(NamedTuple):
    """Where and how much is measured."""

    device: torch.device
    threads: int
    rounds: int  # timings of each task, of which the median counts
    seconds: float  # that one call may take


@dataclass(eq=False)
class Candidate:
    """A module and its figures so far; after a problem nothing more is measured."""

    name: str
    module: nn.Module
    macs: int | None = None  # of a forward pass; None if unknown
    compiles: bool = False  # in its first calls
    figures: dict[str, float] = field(default_factory=dict)  # in base units
    functions: dict[str, Function] = field(default_factory=dict)  # that were timed
    problem: str = ""

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """An error is the problem of this candidate; the others are measured."""
        try:
            with named_errors(what):
                yield
        except InputError as error:
            self.problem = printable(str(error))
        if self.problem:
            torch.cuda.empty_cache()  # does nothing without a GPU


def able(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    return (candidate for candidate in candidates if not candidate.problem)


def time_together(
    candidates: Sequence[Candidate], name: str, x: Tensor, effort: Effort
) -> None:
    """Time a task of all candidates in turn, round after round.

    So a busy moment of the machine affects all of them.
    """
    words = TASKS[name].words
    rounds: dict[Candidate, Callable[[], float]] = {}
    for candidate in able(candidates):
        with candidate.attempt(words):
            rounds[candidate] = prepared(candidate, name, x, effort)
    seconds: dict[Candidate, list[float]] = {candidate: [] for candidate in rounds}
    for _ in range(effort.rounds):
        for candidate in able(rounds):
            with candidate.attempt(words):
                seconds[candidate].append(rounds[candidate]())
    for candidate in able(rounds):
        latency = summary(seconds[candidate])
        candidate.figures[name] = latency.median
        candidate.figures[f"{name}_iqr"] = latency.upper - latency.lower


def prepared(
    candidate: Candidate, name: str, x: Tensor, effort: Effort
) -> Callable[[], float]:
    """What times one round of a task; InputError for calls that are too large or slow."""
    task, module = TASKS[name], candidate.module
    macs = task.passes * (candidate.macs or 0)
    check_memory(task.words, task.make, module, x)
    check_seconds(task.words, macs, x, effort.threads, effort.seconds)
    if candidate.compiles:
        module = cast(nn.Module, torch.compile(module, dynamic=False))
    function = candidate.functions[name] = task.make(module, x)
    if candidate.compiles:
        with at_most(COMPILING, "compiling"):
            function()
    once = seconds_of_first(task.words, function, effort.seconds)
    return seconds_of_round(partial(timer_seconds, effort.threads), function, once)


def seconds_of_first(what: str, function: Function, limit: float) -> float:
    """InputError if the first call takes longer than the limit; then it is stopped."""
    try:
        with at_most(limit, what):
            return single_seconds(function)
    except TooLongError:
        raise InputError(f"{what} took more than the {limit:g} s of one call") from None


def measure_memory(candidate: Candidate, x: Tensor) -> None:
    """The peak of a step that was timed, in bytes beyond the module and its input."""
    with candidate.attempt("memory of a step"):
        step = candidate.functions["step"]
        candidate.figures["peak"] = peak_of_call(step, x.device)
