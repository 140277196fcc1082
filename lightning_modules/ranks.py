"""What the processes of a run tell each other; for a run of one process nothing happens.

The order of these calls must be the same in all processes: each waits for all others.
"""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import Store  # torch.distributed's, which mypy cannot see

from lightning_modules.devices import Team

T = TypeVar("T")
PATIENCE = timedelta(minutes=10)  # for another process; then the training fails


class Company:
    """The processes that have met: set once they are connected."""

    team = Team()
    control: dist.ProcessGroup | None = None  # on the CPU, whatever the devices are


def rank() -> int:
    return Company.team.rank


def size() -> int:
    return Company.team.size


def on_this_machine() -> int:
    """How many of the processes share this machine's cores and memory."""
    return Company.team.devices


@contextmanager
def connected(team: Team, kind: str, where: str | Store) -> Iterator[None]:
    """Meet the other processes, at a URL of torch.distributed or in a store.

    kind is that of the devices: cpu, cuda or mps.
    """
    place = {"init_method": where} if isinstance(where, str) else {"store": where}
    device = torch.device(kind, team.local_rank) if kind == "cuda" else None
    dist.init_process_group(
        "nccl" if device else "gloo",
        rank=team.rank,
        world_size=team.size,
        timeout=PATIENCE,
        device_id=device,
        **place,
    )
    try:
        Company.control = dist.new_group(backend="gloo", timeout=PATIENCE)
        Company.team = team
        yield
    finally:
        Company.team, Company.control = Team(), None
        dist.destroy_process_group()


def largest(number: int) -> int:
    """The largest of the numbers that the processes give."""
    if size() == 1:
        return number
    value = torch.tensor(number)
    dist.all_reduce(value, dist.ReduceOp.MAX, Company.control)
    return int(value)


def sum_of(values: Tensor) -> Tensor:
    """The sum over all processes, without a gradient."""
    total = values.detach().clone()
    if size() > 1:
        dist.all_reduce(total)
    return total


def decided_by_first(decide: Callable[[], T]) -> T:
    """What decide() returns or raises in the first process, in every process."""
    if size() == 1:
        return decide()
    boxes: list[Any] = [None, None]  # the value, or the error
    if rank() == 0:
        try:
            boxes[0] = decide()
        except Exception as error:
            boxes[1] = portable(error)
    dist.broadcast_object_list(boxes, 0, Company.control)
    if boxes[1] is not None:
        raise boxes[1]
    decision: T = boxes[0]
    return decision


def portable(error: Exception) -> Exception:
    """An error that another process can rebuild."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301, of this process
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def is_lost_connection(error: BaseException) -> bool:
    """Whether another process ended, rather than that this one failed."""
    return isinstance(error, dist.DistError) or "gloo" in str(error).lower()
