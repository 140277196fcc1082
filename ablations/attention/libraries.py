"""Blocks of other libraries by short names: timm:eca, smp:scse.

timm's are the layers of its create_attn, in whatever version is installed. Their options
are the arguments of their constructors. tests/test_library_blocks.py holds them to the
contract of a block.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from ablations.catalogue import library_blocks
from ablations.errors import InputError, unknown_name
from ablations.notation import Part

Build = Callable[..., Any]

# Blocks that break the contract as they are, and why; with an option they can be built.
UNFIT = {
    "timm:ge": "timm 1.0.22 and later cannot build it with its default use_mlp=True; "
    "timm:ge(use_mlp=False) has no parameters and works",
    "timm:bottleneck": "it is built for one size of its input: state it, as in "
    "timm:bottleneck(feat_size=[16, 16])",
    "timm:halo": "it accepts only sides that are multiples of its block_size; where all "
    "are, write timm:halo(block_size=8)",
    "timm:bat": "it accepts only sides that are multiples of its block_size; where all "
    "are, write timm:bat(block_size=7)",
}


def timm_layer(name: str) -> Build:
    from timm.layers.create_attn import get_attn

    layer: Build = get_attn(name)  # type: ignore[no-untyped-call]
    return with_kernel_size(layer) if name in {"eca", "ceca"} else layer


def with_kernel_size(layer: Build) -> Build:
    """timm's ECA ignores a kernel size if it knows the channels, and computes its own."""

    def build(
        channels: int, kernel_size: int | None = None, gamma: float = 2, beta: float = 1
    ) -> nn.Module:
        module: nn.Module
        if kernel_size is None:
            module = layer(channels, gamma=gamma, beta=beta)
            return module
        if (gamma, beta) != (2, 1):
            raise InputError("kernel_size leaves nothing to gamma and beta")
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise InputError(f"kernel_size = {kernel_size} must be odd and positive")
        module = layer(None, kernel_size=kernel_size)
        return module

    return build


def smp_module(name: str) -> Build:
    return {"scse": spatial_and_channel_excitation}[name]


def spatial_and_channel_excitation(channels: int, reduction: int = 16) -> nn.Module:
    """smp's scSE; with fewer channels than reduction, it would have no hidden channel."""
    from segmentation_models_pytorch.base.modules import SCSEModule

    if not 1 <= reduction <= channels:
        raise InputError(f"reduction = {reduction} must be from 1 to {channels} channels")
    module: nn.Module = SCSEModule(channels, reduction)
    return module


LIBRARIES = {"timm": timm_layer, "smp": smp_module}


def find_layer(name: str) -> Build:
    """A library's block, to be called with a number of channels and options.

    Raises InputError for a name that the installed library does not have.
    """
    library, _, short = name.partition(":")
    known = [key for key in library_blocks() if key.startswith(f"{library}:")]
    if name not in known:
        raise unknown_name("block", name, known)
    return with_named_options(LIBRARIES[library](short))


def with_named_options(build: Build) -> Build:
    """build with a signature of its named arguments alone.

    Some layers accept and ignore any other argument, which would hide a misspelt option.
    Where a block is and in which precision is not an option of it, nor is what the short
    name already says.
    """
    hidden = {"device", "dtype", *(build.keywords if isinstance(build, partial) else ())}
    signature = inspect.signature(build)
    named: Any = partial(build)
    named.__signature__ = signature.replace(
        parameters=[
            parameter
            for parameter in signature.parameters.values()
            if parameter.kind != parameter.VAR_KEYWORD and parameter.name not in hidden
        ]
    )
    return named  # type: ignore[no-any-return]


def check_fit(part: Part) -> None:
    """InputError for a block that breaks the contract, unless an option may mend it."""
    if part.name in UNFIT and not part.options:
        raise InputError(UNFIT[part.name])
