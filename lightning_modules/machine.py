"""What a run is made with: the device, the packages, the commit of this code."""

import os
import platform
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec

import torch

from ablations.errors import InputError
from ablations.version import commit
from lightning_modules.execution import Accelerator

PACKAGES = ["torch", "pytorch-lightning", "segmentation-models-pytorch", "timm", "numpy"]
PRECISIONS = {
    "cpu": ("32-true", "bf16-mixed"),
    "mps": ("32-true", "16-mixed", "bf16-mixed"),
    "cuda": ("32-true", "16-mixed", "bf16-mixed"),
}


def device_kind(accelerator: Accelerator) -> str:
    """cpu, cuda or mps, as Lightning would choose here; InputError if unavailable."""
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if accelerator == "mps" and not mps:
        raise InputError("accelerator = 'mps': not available here; use auto or cpu")
    if accelerator == "gpu" and not (cuda or mps):
        raise InputError("accelerator = 'gpu': no GPU here; use auto or cpu")
    if accelerator == "cpu" or not (cuda or mps):
        return "cpu"
    return "mps" if mps else "cuda"


def check_precision(precision: str, accelerator: Accelerator) -> None:
    """InputError if the device here would compute in a different precision."""
    kind = device_kind(accelerator)
    supported = PRECISIONS[kind]
    if kind == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        supported = ("32-true", "16-mixed")
    if precision not in supported:
        name = torch.cuda.get_device_name() if kind == "cuda" else kind.upper()
        raise InputError(
            f"precision = {precision!r}: not supported on {name} "
            f"(supported: {', '.join(supported)})"
        )


def check_compiler(compiles: bool, accelerator: Accelerator) -> None:
    """InputError if torch.compile lacks what it generates code for the device with."""
    if not compiles:
        return
    if device_kind(accelerator) == "cuda":
        if find_spec("triton") is None:
            raise InputError("compile = True: torch.compile needs the package triton")
        return
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        raise InputError(
            f"compile = True: torch.compile needs a C++ compiler, and {compiler!r} is not "
            "on the PATH; install one or name it in $CXX"
        )


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


def made_with(accelerator: Accelerator) -> dict[str, str]:
    """Device, commit and versions, as a checkpoint states them."""
    device = device_name(torch.device(device_kind(accelerator)))
    return {"device": device, "commit": commit()} | versions()


def versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in PACKAGES
    }
