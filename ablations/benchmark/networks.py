"""Time and memory of many networks, measured in turn by one process.

Each figure is taken round after round over all networks, so that a busy moment of the
machine affects all of them. The weights of all networks stay on the device; activations
and gradients exist only during a call.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablations.benchmark.memory import peak_memory
from ablations.benchmark.timing import Clock, Function, calls_per_round, summary
from ablations.errors import InputError, first_line, printable
from ablations.time_limit import at_most
from ablations.timings import NetworkTiming, Spread, TimedNetwork

TASKS = {"latency": "one image", "batch": "a batch", "step": "a training step"}
SLOWEST = 60  # seconds to build a network, and for its first call
AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}  # by precision

Build = Callable[[TimedNetwork], nn.Module]
Batch = tuple[Tensor, Tensor]  # images (B, 3, H, W), labels (B, H, W)
Batches = Callable[[int, int], Batch]  # by B, and by H = W


@dataclass(eq=False)
class Subject:
    """A network and its figures so far; after a problem nothing more is measured."""

    network: TimedNetwork
    module: nn.Module | None = None  # None before it is built, and after a problem
    seconds: dict[str, list[float]] = field(default_factory=dict)  # by task, per round
    peak: int | None = None
    problem: str = ""

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """An error is the problem of this network; the others are measured."""
        try:
            yield
        except Exception as error:
            known = isinstance(error, InputError)
            reason = printable(str(error)) if known else first_line(error)
            self.problem, self.module = f"{what}: {reason}", None
        if self.problem:
            torch.cuda.empty_cache()  # does nothing without a GPU

    def spread(self, task: str, rounds: int) -> Spread | None:
        seconds = self.seconds.get(task, [])
        return Spread(**summary(seconds)._asdict()) if len(seconds) == rounds else None

    def timing(self, rounds: int) -> NetworkTiming:
        return NetworkTiming(
            config=self.network.config,
            classes=self.network.classes,
            latency=self.spread("latency", rounds),
            batch=self.spread("batch", rounds),
            step=self.spread("step", rounds),
            peak=self.peak,
            problem=self.problem,
        )


def measure_networks(
    subjects: Sequence[Subject],
    build: Build,
    device: torch.device,
    clock: Clock,
    rounds: int,
) -> Iterator[None]:
    """Fill in the figures of all subjects; yields after each of pieces(...) of work."""
    batches = batches_on(device)
    for subject in subjects:
        with subject.attempt("building"), at_most(SLOWEST, "the network"):
            torch.manual_seed(0)
            subject.module = build(subject.network).to(device)
        yield
    for task in TASKS:
        yield from time_task(task, subjects, batches, clock, rounds)
    for subject, module in able(subjects):
        with subject.attempt("memory of a training step"):
            subject.peak = peak_memory(work("step", module, subject, batches), device)
        yield


def pieces(networks: int, rounds: int) -> int:
    """The yields of measure_networks, if nothing fails."""
    return networks * (2 + len(TASKS) * (1 + rounds))


def able(subjects: Sequence[Subject]) -> Iterator[tuple[Subject, nn.Module]]:
    """Those without a problem, and their modules."""
    for subject in subjects:
        if subject.module is not None:
            yield subject, subject.module


def time_task(
    task: str, subjects: Sequence[Subject], batches: Batches, clock: Clock, rounds: int
) -> Iterator[None]:
    calls: dict[Subject, int] = {}
    for subject, module in able(subjects):
        with subject.attempt(TASKS[task]):
            function = work(task, module, subject, batches)
            with at_most(SLOWEST, "one call"):
                function()
            calls[subject] = calls_per_round(clock, function)
        yield
    for _ in range(rounds):
        for subject, module in able(subjects):
            with subject.attempt(TASKS[task]):
                function = work(task, module, subject, batches)
                seconds = clock(function, calls[subject])
                subject.seconds.setdefault(task, []).append(seconds)
            yield


def batches_on(device: torch.device) -> Batches:
    """Random images, the same for all networks with the same size and batch."""

    @cache
    def batch(number: int, side: int) -> Batch:
        images = torch.randn(number, 3, side, side, device=device)
        labels = torch.zeros(number, side, side, dtype=torch.long, device=device)
        return images, labels

    return batch


def work(task: str, module: nn.Module, subject: Subject, batches: Batches) -> Function:
    """What is timed; it puts the network in the mode of the task."""
    config = subject.network.config
    number = 1 if task == "latency" else config.batch_size
    images, labels = batches(number, config.image_size)
    mixed = AUTOCAST.get(config.precision)
    cast = torch.autocast(images.device.type, mixed, enabled=mixed is not None)
    module.train(task == "step")
    return (
        step_of(module, images, labels, cast)
        if task == "step"
        else forward_of(module, images, cast)
    )


def forward_of(module: nn.Module, images: Tensor, cast: torch.autocast) -> Function:
    def forward() -> Tensor:
        with torch.inference_mode(), cast:
            logits: Tensor = module(images)
        return logits

    return forward


def step_of(
    module: nn.Module, images: Tensor, labels: Tensor, cast: torch.autocast
) -> Function:
    """The loss and the gradients of all parameters that are trained; no update."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]

    def step() -> object:
        with cast:
            loss = F.cross_entropy(module(images), labels)
        return torch.autograd.grad(loss, trained, allow_unused=True)

    return step
