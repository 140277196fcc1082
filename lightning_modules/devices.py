"""Which processes train a run together, and which of them this one is.

One process trains on one device. `ablate` starts the processes of one machine itself;
those of several machines are started by torchrun or Slurm's srun, which say in environment
variables who is who. Devices are no part of a configuration: for any number of them a step
uses the same images.
"""

import os
from typing import Literal, NamedTuple

import torch

from ablations.errors import InputError
from ablations.run_config import RunConfig
from lightning_modules.execution import Execution
from lightning_modules.machine import device_kind

Starter = Literal["ablate", "torchrun", "srun"]


class Team(NamedTuple):
    """The processes that train a run together, as one of them sees it."""

    rank: int = 0  # of this process among all; the first one keeps the run's files
    local_rank: int = 0  # among those of its machine: the index of its device
    devices: int = 1  # of each machine
    machines: int = 1
    starter: Starter = "ablate"  # of the processes

    @property
    def size(self) -> int:
        return self.devices * self.machines

    @property
    def machine(self) -> int:
        return self.rank // self.devices


def find_team(execution: Execution) -> Team:
    """The processes that were started, or that are to be; InputError if they cannot be."""
    team = started() or Team(devices=execution.devices)
    for name, here in (("devices", team.devices), ("machines", team.machines)):
        asked = getattr(execution, name)
        if asked not in {1, here}:
            raise InputError(mismatch(team, name, asked, here))
    check_number(team, execution)
    return team


def mismatch(team: Team, name: str, asked: int, here: int) -> str:
    if team.starter == "ablate":
        return (
            f"--{name} {asked}: start `ablate train` on every machine with torchrun or srun"
        )
    return f"--{name} {asked}: {team.starter} started the processes of {here}"


def started() -> Team | None:
    """The team that torchrun or srun started, if one of them did."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return team_in("RANK", "LOCAL_RANK", "WORLD_SIZE", "GROUP_WORLD_SIZE", "torchrun")
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        names = "SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS"
        return team_in(*names, "SLURM_STEP_NUM_NODES", "srun")
    return None


def team_in(rank: str, local_rank: str, size: str, machines: str, starter: Starter) -> Team:
    """The team that variables of these names describe; each machine has equally many."""
    numbers = [int(os.environ[name]) for name in (rank, local_rank, size, machines)]
    devices, rest = divmod(numbers[2], numbers[3])
    if rest or numbers[0] % devices != numbers[1]:
        raise InputError(
            f"{starter} started {numbers[2]} processes on {numbers[3]} machines: start "
            "equally many on each, and those of a machine one after the other"
        )
    return Team(numbers[0], numbers[1], devices, numbers[3], starter)


def check_number(team: Team, execution: Execution) -> None:
    """InputError if this machine has fewer devices than its processes need."""
    kind = device_kind(execution.accelerator)
    if team.devices > (here := devices_here(kind)):
        name = {"cpu": "CPU cores", "cuda": "GPUs", "mps": "MPS devices"}[kind]
        raise InputError(f"--devices {team.devices}: this machine has {here} {name}")


def devices_here(kind: str) -> int:
    """GPUs that this process may use, or for processes on the CPU, its cores."""
    if kind == "cuda":
        return torch.cuda.device_count()
    return cores() if kind == "cpu" else 1


def cores() -> int:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_share(config: RunConfig, team: Team) -> None:
    """InputError unless a step's images can be divided equally."""
    if team.size == 1:
        return
    parts = team.size * config.accumulate
    if config.batch_size % parts:
        what = f"{team.size} devices"
        if config.accumulate > 1:
            what += f" x accumulate = {config.accumulate}"
        raise InputError(f"batch_size = {config.batch_size}: not divisible by {what}")
