"""The memory that a call will need, known before it, and the memory that is free.

A process that takes more memory than there is gets killed, and with it all that it has
measured. So a call first runs without values: each operation only says how large its
results are.
"""

import copy
import logging
import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ablations.errors import InputError

CONTAINER = Path("/sys/fs/cgroup")  # the limits of this container, if it has any
SHARE = 2 / 3  # of the free memory: operations also need room of their own

Make = Callable[[nn.Module, Tensor], Callable[[], object]]


def check_memory(what: str, make: Make, module: nn.Module, x: Tensor) -> None:
    """InputError if a call, named what, is known to need more memory than is free."""
    if free_memory(x.device) is not None:
        refuse_beyond_free(what, foreseen_peak(make, module, x), x.device)


def refuse_beyond_free(what: str, needed: int | None, device: torch.device) -> None:
    """InputError if that many bytes are too many; nothing if a number is unknown."""
    free = free_memory(device)
    if needed and free is not None and needed > SHARE * free:
        raise InputError(
            f"{what} needs about {needed / 1e9:,.1f} GB of memory, more than {SHARE:.0%} "
            f"of the {free / 1e9:.1f} GB that are free"
        )


def free_memory(device: torch.device) -> int | None:
    """Bytes that a process can still get; None if the system does not say."""
    if device.type == "cuda":
        return None  # more than there is raises an error there, and nothing is killed
    available = re.search(r"MemAvailable:\s*(\d+) kB", read_or_empty(Path("/proc/meminfo")))
    numbers = [1024 * int(available[1])] if available else []
    limit = read_or_empty(CONTAINER / "memory.max").strip()
    used = read_or_empty(CONTAINER / "memory.current").strip()
    if limit.isdecimal() and used.isdecimal():  # no limit: max
        numbers.append(max(0, int(limit) - int(used)))
    return min(numbers, default=None)


def read_or_empty(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def foreseen_peak(make: Make, module: nn.Module, x: Tensor) -> int | None:
    """The most bytes that make(module, x)() holds at any time, beyond module and x.

    None for a module that needs values. What operations need inside is not included.
    """
    try:
        twin = copy.deepcopy(module)  # a pass may change its buffers
        with silent(), FakeTensorMode(allow_non_fake_inputs=True):
            fake = torch.empty(x.shape, dtype=x.dtype, device=x.device)
            function = make(twin, fake)
            with TensorsInUse() as tensors:
                function()
    except Exception:  # anything a user's module may raise
        return None
    return int(tensors.peak)


@contextmanager
def silent() -> Iterator[None]:
    """torch logs an operation that needs values, and raises as well."""
    logger = logging.getLogger(FakeTensorMode.__module__)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


class TensorsInUse(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the bytes of all tensors that operations make, until they are freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sizes: dict[int, int] = {}  # bytes by storage; 0 if it existed before
        self.in_use = self.peak = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self.note((args, kwargs), existed=True)
        results = func(*args, **(kwargs or {}))
        self.note(results, existed=False)
        return results

    def note(self, values: object, existed: bool) -> None:
        for value in tree_leaves(values):
            if not isinstance(value, Tensor):
                continue
            storage = value.untyped_storage()
            if storage._cdata not in self.sizes:
                self.add(storage, 0 if existed else storage.nbytes())

    def add(self, storage: torch.UntypedStorage, size: int) -> None:
        self.sizes[storage._cdata] = size
        self.in_use += size
        self.peak = max(self.peak, self.in_use)
        weakref.finalize(storage, self.drop, storage._cdata)

    def drop(self, storage: int) -> None:
        self.in_use -= self.sizes.pop(storage)
