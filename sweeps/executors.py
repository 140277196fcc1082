"""Where `ablate sweep` carries out runs; a new executor is a file and a line here."""

from collections.abc import Callable
from typing import Any, NamedTuple

from lightning_modules.execution import Execution
from sweeps.display import Display
from sweeps.local.executor import here
from sweeps.local.resources import Resources
from sweeps.outcome import Summary
from sweeps.slurm.allocation import Allocation
from sweeps.slurm.executor import slurm, stand_in
from sweeps.study.study import Launch, PlannedRun

CarryOut = Callable[[list[PlannedRun], Launch, Execution, Any, Display], Summary]


class Executor(NamedTuple):
    """A way to carry out the runs of a study."""

    meaning: str
    options: type[Any]  # a model whose fields are flags, with accelerator(choice)
    carry_out: CarryOut  # with options of that model
    on_this_device: bool = False  # whether the accelerators here are those of the runs


EXECUTORS: dict[str, Executor] = {
    "here": Executor("processes on this machine", Resources, here, on_this_device=True),
    "slurm": Executor("Slurm jobs", Allocation, slurm),
    "local": Executor("submitit's stand-in for a cluster", Allocation, stand_in),
}
