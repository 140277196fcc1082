"""The further processes of a run on this machine: started, met and ended."""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from torch._C._distributed_c10d import TCPStore

from ablations.run_folder import RunFolder
from lightning_modules.devices import Team
from lightning_modules.execution import Execution
from lightning_modules.machine import device_kind
from lightning_modules.ranks import PATIENCE, connected

HOST = "127.0.0.1"
END_SECONDS = 30.0  # after the last step of the training
# Same module search path as the first process, in the same order.
# Slurm warns all processes of a job; the first one decides what that means.
START = """
import signal, sys
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
sys.path[:] = sys.argv[1:]
from lightning_modules.helper import help_out
sys.exit(help_out())
"""


class Order(NamedTuple):
    """What a helper is started for."""

    folder: RunFolder
    execution: Execution
    team: Team  # as the helper sees it
    port: int
    threads: int


@contextmanager
def met(team: Team, execution: Execution) -> Iterator[None]:
    """Connected with the other processes that torchrun or srun started."""
    where = "env://" if team.starter == "torchrun" else f"tcp://{slurm_address()}"
    with connected(team, device_kind(execution.accelerator), where):
        yield


def slurm_address() -> str:
    """The first machine of a Slurm step, and a port that follows from the step's id."""
    nodes = os.environ["SLURM_STEP_NODELIST"]
    host = SLURMEnvironment.resolve_root_node_address(nodes)
    job, step = int(os.environ["SLURM_JOB_ID"]), int(os.environ["SLURM_STEP_ID"])
    port = os.environ.get("MASTER_PORT", str(15000 + (job * 31 + step) % 10000))
    return f"{os.environ.get('MASTER_ADDR', host)}:{port}"


@contextmanager
def helped(team: Team, folder: RunFolder, execution: Execution) -> Iterator[None]:
    """Start the other processes of a team on this machine; they end with the block.

    Each process has its share of the threads. If the block raises, they are killed.
    """
    store = TCPStore(HOST, 0, is_master=True, wait_for_workers=False)
    with shared_threads(team.size) as threads:
        helpers = [
            start(Order(folder, execution, member, store.port, threads))
            for number in range(1, team.size)
            if (member := team._replace(rank=number, local_rank=number))
        ]
        try:
            wait_for(helpers, store)
            with connected(team, device_kind(execution.accelerator), store):
                yield
            wait_for_end(helpers)
        finally:
            for helper in helpers:
                helper.kill()
                helper.wait()


@contextmanager
def shared_threads(processes: int) -> Iterator[int]:
    """A share of this process's threads for it and for those that it starts."""
    before, variable = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    threads = max(1, before // processes)
    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # or Lightning would set it
    try:
        yield threads
    finally:
        torch.set_num_threads(before)
        del os.environ["OMP_NUM_THREADS"]
        if variable is not None:
            os.environ["OMP_NUM_THREADS"] = variable


def start(order: Order) -> "subprocess.Popen[bytes]":
    """A helper in a session of its own: Ctrl-C in a terminal reaches the first process."""
    process = subprocess.Popen(  # noqa: S603, this file
        [sys.executable, "-P", "-c", START, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin  # noqa: S101
    with suppress(BrokenPipeError), process.stdin as pipe:  # wait_for() reports its end
        pipe.write(pickle.dumps(order))
    return process


def wait_for(helpers: list["subprocess.Popen[bytes]"], store: TCPStore) -> None:
    """Wait until all have imported what they need; RuntimeError if one ends before."""
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while not store.check([ready(number + 1) for number in range(len(helpers))]):
        for number, helper in enumerate(helpers, start=1):
            if helper.poll() is not None:
                raise RuntimeError(f"the process of device {number} did not start")
        if time.monotonic() > deadline:
            raise RuntimeError("the processes of the other devices did not start in time")
        time.sleep(0.02)


def wait_for_end(helpers: list["subprocess.Popen[bytes]"]) -> None:
    deadline = time.monotonic() + END_SECONDS
    for helper in helpers:
        with suppress(subprocess.TimeoutExpired):
            helper.wait(max(0.0, deadline - time.monotonic()))


def ready(rank: int) -> str:
    """The store's key by which a helper says that it is there."""
    return f"ready-{rank}"
