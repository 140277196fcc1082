"""How much memory a training step needs, in bytes, on any device."""

import os
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.profiler import ProfilerActivity, profile

SILENT = "5"  # else the profiler reports an error on a machine without a GPU


def bytes_for_backward(module: nn.Module, x: Tensor) -> int:
    """Bytes that the graph of module(x) holds beyond x and the parameters."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (x, *module.parameters())}
    sizes: dict[int, int] = {}  # bytes by storage

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        output = module(x)  # alive until here, so no storage is used twice
    del output
    return sum(sizes.values())


def peak_memory(function: Callable[[], object], device: torch.device) -> int:
    """The most bytes that function holds at any time, beyond what was allocated before."""
    function()  # memory allocated once and never freed does not count
    return peak_of_call(function, device)


def peak_of_call(function: Callable[[], object], device: torch.device) -> int:
    """The same for a function that was called before."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        function()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    os.environ.setdefault("KINETO_LOG_LEVEL", SILENT)
    activities = [ProfilerActivity.CPU]
    with profile(activities=activities, profile_memory=True, acc_events=True) as profiler:
        function()
    events = profiler.profiler.kineto_results.events()
    changes = [(e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"]
    bytes_in_use = highest = 0
    for _, change in sorted(changes, key=lambda event: event[0]):
        bytes_in_use += change
        highest = max(highest, bytes_in_use)
    return highest
