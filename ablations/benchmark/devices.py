"""The device that is measured: its name and how busy it is."""

import os
import platform
import re
from pathlib import Path

import torch

from ablations.errors import InputError
from ablations.memory import read_or_empty


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


def load() -> float:
    """Processes that wanted a CPU in the last minute, this one included."""
    return os.getloadavg()[0]
