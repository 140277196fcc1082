"""The device that is measured: its name, its free memory and how busy it is."""

import os
import platform
import re
from pathlib import Path

import torch

from ablations.errors import InputError

CONTAINER = Path("/sys/fs/cgroup")  # the limits of this container, if it has any


def find_device(name: str | None) -> torch.device:
    """None: cuda if available, else cpu. InputError if this machine lacks the device."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError(
            "--device cuda: torch finds no CUDA device on this machine; use cpu"
        )
    return torch.device(name or ("cuda" if available else "cpu"))


def device_name(device: torch.device) -> str:
    """The name of the hardware, if it reports one."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = re.search(r"model name\s*: (.*)", read_or_empty(Path("/proc/cpuinfo")))
    return model[1] if model else platform.processor() or platform.machine()


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


def load() -> float:
    """Processes that wanted a CPU in the last minute, this one included."""
    return os.getloadavg()[0]


def read_or_empty(path: Path) -> str:
    return path.read_text() if path.exists() else ""
