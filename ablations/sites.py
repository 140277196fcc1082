"""Where blocks go in a model, and what they receive there."""

import copy
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from ablations.attention.base import NoAttention
from ablations.bare_models import BareModel
from ablations.contract import Size
from ablations.errors import InputError
from ablations.insertion import Place, PlacedBlock
from ablations.own_code import describe_error, own_errors
from ablations.passes import PassingNorms, device_of
from ablations.placing import find_places, insert
from ablations.stages import find_stages

Result = TypeVar("Result")


class Site(NamedTuple):
    """What a block receives in a model for images of some size."""

    path: str
    channels: int
    size: Size | None  # none: the model never calls it


@cache
def find_sites(bare: BareModel, placement: str | None, size: Size) -> tuple[Site, ...]:
    """Where blocks go; InputError for an image that the model cannot take."""
    return read_network(bare, size, lambda network: record_sites(network, placement, size))


@cache
def site_stages(bare: BareModel, placement: str) -> dict[str, int]:
    """By path, the stages of the sites in the encoder, numbered as its features."""

    def find(network: nn.Module) -> list[Place]:
        return find_places(network, placement)

    try:
        return find_stages(bare.meta(), find)
    except InputError:  # it may need values
        return find_stages(bare.real(), find)


def read_network(
    bare: BareModel, size: Size, read: Callable[[nn.Module], Result]
) -> Result:
    """What read returns for a copy of the bare model, which it runs on images of size.

    On the meta device, so without memory; with values only if that fails. InputError for
    an image that the model cannot take.
    """
    check_stride(bare, size)
    try:
        return read(copy.deepcopy(bare.meta()))
    except InputError:
        raise
    except Exception:  # it may need values
        network = copy.deepcopy(bare.real())
    try:
        return read(network)
    except InputError:
        raise
    except Exception as error:  # each encoder raises its own
        raise InputError(
            f"image size {size[0]}x{size[1]} does not fit {bare.model!r} with encoder "
            f"{bare.encoder!r}: {describe_error(error)}"
        ) from None


def record_sites(network: nn.Module, placement: str | None, size: Size) -> tuple[Site, ...]:
    sizes: dict[str, Size] = {}

    def note(block: PlacedBlock, host: object, arguments: tuple[Any]) -> None:
        with own_errors(f"placement {placement!r}"):
            check_received(block, arguments[0])
        height, width = arguments[0].shape[2:]
        sizes[block.path] = height, width

    blocks = insert(network, placement, NoAttention) if placement else []
    for block in blocks:
        block.module.register_forward_pre_hook(partial(note, block))
    run_once(network, size)
    return tuple(
        Site(block.path, block.channels, sizes.get(block.path)) for block in blocks
    )


def run_once(network: nn.Module, size: Size) -> None:
    """One image in eval mode, of which only the shapes of features count."""
    with torch.no_grad(), PassingNorms():
        network.eval()(torch.empty(1, 3, *size, device=device_of(network)))


def check_received(block: PlacedBlock, x: object) -> None:
    """InputError unless a block receives a feature map of the channels it is built for."""
    if not isinstance(x, Tensor) or x.ndim != 4:
        kind = f"{x.ndim} dimensions" if isinstance(x, Tensor) else type(x).__name__
        raise InputError(f"{block.path} receives {kind}, not a feature map (B, C, H, W)")
    if x.shape[1] != block.channels:
        raise InputError(
            f"{block.path} is placed on {block.channels} channels, but receives "
            f"{x.shape[1]}"
        )


def check_stride(bare: BareModel, size: Size) -> None:
    """InputError for sides that must be multiples of the encoder's stride and are not."""
    model: Any = bare.meta()
    stride, (height, width) = model.encoder.output_stride, size
    if model.requires_divisible_input_shape and (height % stride or width % stride):
        raise InputError(
            f"image size {height}x{width} is not divisible by {stride}, the output stride "
            f"of {bare.model!r} with encoder {bare.encoder!r}"
        )
