"""The executors of a cluster: Slurm, and submitit's stand-in for one."""

from lightning_modules.execution import Execution
from sweeps.book import Book
from sweeps.display import Display
from sweeps.outcome import Summary
from sweeps.slurm.allocation import Allocation
from sweeps.slurm.cluster import Cluster
from sweeps.study.study import Launch, PlannedRun


def slurm(
    runs: list[PlannedRun],
    launch: Launch,
    execution: Execution,
    allocation: Allocation,
    display: Display,
) -> Summary:
    allocation.check_devices(execution.devices)
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
