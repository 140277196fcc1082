"""What a call will need, known before it: the memory of its tensors, the least seconds.

A process that takes more memory than there is gets killed, and with it all that it has
measured. So a call first runs without values: each operation only says how large its
results are.
"""

import copy
import logging
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ablations.benchmark.devices import free_memory
from ablations.benchmark.timing import Function, single_seconds
from ablations.errors import InputError

SHARE = 2 / 3  # of the free memory: operations also need room of their own
SIDE = 1024  # of the matrices whose product tells the speed of the device

Make = Callable[[nn.Module, Tensor], Function]


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


def check_seconds(what: str, macs: int, x: Tensor, threads: int, limit: float) -> None:
    """InputError if the multiply-adds of a call, named what, take longer than the limit."""
    least = macs / macs_per_second(x.device, x.dtype, threads)
    if least > limit:
        raise InputError(
            f"{what} would take at least {least:.0f} s; one call may take {limit:g} s"
        )


@cache
def macs_per_second(device: torch.device, dtype: torch.dtype, threads: int) -> float:
    """The speed of a large matrix product, which few blocks reach."""
    matrix = torch.ones(SIDE, SIDE, dtype=dtype, device=device)
    seconds = min(single_seconds(lambda: matrix @ matrix) for _ in range(5))
    return float(SIDE**3 / seconds)
