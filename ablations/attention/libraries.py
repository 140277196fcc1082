"""Blocks of other libraries by short names: timm:eca, smp:scse.

timm's are the layers of its create_attn, in whatever version is installed. Their options
are the arguments of their constructors. tests/test_library_blocks.py holds them to the
contract of a block.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from ablations.catalogue import library_blocks
from ablations.errors import InputError, unknown_name
from ablations.notation import Part

Build = Callable[..., Any]

# Blocks that break the contract as they are, and why; with an option they can be built.
UNFIT = {
    "timm:ge": "timm 1.0.20 and later cannot build it with its default use_mlp=True; "
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

    layer: Build = get_attn(name)
    return layer


def smp_module(name: str) -> Build:
    from segmentation_models_pytorch.base.modules import SCSEModule

    modules: dict[str, Build] = {"scse": SCSEModule}
    return modules[name]


LIBRARIES = {"timm": timm_layer, "smp": smp_module}


def find_layer(name: str) -> Build:
    """A library's block, to be called with a number of channels and options.

    Raises InputError for a name that the installed library does not have.
    """
    known = library_blocks()
    if name not in known:
        raise unknown_name("block", name, known)
    library, _, short = name.partition(":")
    return with_named_options(LIBRARIES[library](short))


def with_named_options(build: Build) -> Build:
    """build with a signature of its named arguments alone.

    Some layers accept and ignore any other argument, which would hide a misspelt option.
    Where a block is and in which precision is not an option of it.
    """
    signature = inspect.signature(build)
    named: Any = partial(build)
    named.__signature__ = signature.replace(
        parameters=[
            parameter
            for parameter in signature.parameters.values()
            if parameter.kind != parameter.VAR_KEYWORD
            and parameter.name not in {"device", "dtype"}
        ]
    )
    return named  # type: ignore[no-any-return]


def check_fit(part: Part) -> None:
    """InputError for a block that breaks the contract, unless an option may mend it."""
    if part.name in UNFIT and not part.options:
        raise InputError(UNFIT[part.name])
