"""Where `ablate sweep` carries out runs: an executor is a file and a line here."""

from collections.abc import Callable
from typing import Any, NamedTuple

from lightning_modules.execution import Execution
from sweeps.book import Book
from sweeps.display import Display
from sweeps.local.resources import Resources, check_gpus
from sweeps.local.runner import Runner
from sweeps.outcome import Summary
from sweeps.slurm.allocation import Allocation
from sweeps.slurm.cluster import Cluster
from sweeps.study.study import Launch, PlannedRun

CarryOut = Callable[[list[PlannedRun], Launch, Execution, Any, Display], Summary]


class Executor(NamedTuple):
    """A way to carry out the runs of a study below its folder."""

    meaning: str
    options: type[Any]  # a model whose fields are flags, with accelerator(wanted)
    carry_out: CarryOut  # with options of that model
    on_this_device: bool = False  # whether the accelerators here are those of the runs


def here(
    runs: list[PlannedRun],
    launch: Launch,
    execution: Execution,
    resources: Resources,
    display: Display,
) -> Summary:
    """InputError for a device that is not here."""
    from lightning_modules.machine import device_kind

    check_gpus(resources.gpus)
    device_kind(execution.accelerator)
    book = Book(runs, launch, resources.retries, display)
    return Runner(book, execution, resources).run()


def slurm(
    runs: list[PlannedRun],
    launch: Launch,
    execution: Execution,
    allocation: Allocation,
    display: Display,
) -> Summary:
    book = Book(runs, launch, allocation.retries, display)
    return Cluster(book, execution, allocation).run()


def stand_in(
    runs: list[PlannedRun],
    launch: Launch,
    execution: Execution,
    allocation: Allocation,
    display: Display,
) -> Summary:
    local = allocation.model_copy(update={"cluster": "local"})
    return slurm(runs, launch, execution, local, display)


EXECUTORS: dict[str, Executor] = {
    "here": Executor("processes of this machine", Resources, here, on_this_device=True),
    "slurm": Executor("jobs of Slurm", Allocation, slurm),
    "local": Executor("submitit's stand-in for a cluster", Allocation, stand_in),
}
