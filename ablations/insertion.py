"""How a block gets into a model without changing a key of its state dict.

The block becomes the child `attention` of a host: a module before or after which it is
called. Hooks are plain functions, so copies and pickles of a model find their own blocks.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from ablations.errors import InputError, quoted

BuildBlock = Callable[[int], nn.Module]  # channels -> block


class PlacedBlock(NamedTuple):
    """A block in a model: where it is, and the channels that it sees."""

    path: str  # of the block in the model
    channels: int
    module: nn.Module


class Place(NamedTuple):
    """Where a block can be in a model. The model is unchanged until put is called."""

    path: str  # that the block will have in the model
    channels: int  # of the feature map that the block will receive
    put: Callable[[nn.Module], object]  # attaches the block


def before_convolution(model: nn.Module, path: str) -> Place:
    """The input of the convolution at path. InputError if there is none."""
    host: Any = host_at(model, path)
    if not isinstance(host, nn.Conv2d):
        raise InputError(f"{path} is {type(host).__name__}, not a Conv2d")

    def put(block: nn.Module) -> None:
        host.add_module("attention", block)
        host.register_forward_pre_hook(weigh_input)

    return Place(f"{path}.attention", host.in_channels, put)


def after_module(model: nn.Module, path: str, channels: int) -> Place:
    """The output of the module at path: one feature map (B, channels, H, W).

    In an nn.Sequential the block becomes the last part. InputError if the model has no
    such module.
    """
    host = host_at(model, path)
    if type(host).forward is nn.Module.forward:
        raise InputError(f"{path} is {type(host).__name__}, which is never called")

    def put(block: nn.Module) -> None:
        host.add_module("attention", block)
        if type(host).forward is not nn.Sequential.forward:
            host.register_forward_hook(weigh_output)

    return Place(f"{path}.attention" if path else "attention", channels, put)


def after_features(model: Any, indices: Sequence[int]) -> list[Place]:
    """Features of the encoder, by their indices, before the decoder reads them."""
    encoder = model.encoder
    count = len(encoder.out_channels)
    if missing := [index for index in indices if index not in range(count)]:
        raise InputError(f"the encoder has features 0 to {count - 1}, not {missing[0]}")

    def put(index: int, block: nn.Module) -> None:
        if not hasattr(encoder, "attention"):
            encoder.attention = nn.ModuleDict()
            encoder.register_forward_hook(weigh_features)
        encoder.attention[str(index)] = block

    return [
        Place(
            f"encoder.attention.{index}", encoder.out_channels[index], partial(put, index)
        )
        for index in indices
    ]


def host_at(model: nn.Module, path: str) -> nn.Module:
    """The module at path, which must not have a part called attention yet."""
    paths = dict(model.named_modules())
    if path not in paths:
        nearest = get_close_matches(str(path), paths, 1, cutoff=0)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise InputError(f"{type(model).__name__} has no module {quoted(path)}{hint}")
    host: nn.Module = paths[path]
    if hasattr(host, "attention"):
        raise InputError(f"{path or 'the model'} has a part called attention already")
    return host


def weigh_input(host: Any, arguments: tuple[Tensor]) -> tuple[Tensor]:
    return (host.attention(arguments[0]),)


def weigh_output(host: Any, arguments: object, output: Any) -> Any:
    """Weigh the masks, which auxiliary outputs may follow in a tuple."""
    if isinstance(output, tuple):
        return (host.attention(output[0]), *output[1:])
    return host.attention(output)


def weigh_features(host: Any, arguments: object, features: list[Tensor]) -> list[Tensor]:
    return [
        host.attention[str(index)](feature) if str(index) in host.attention else feature
        for index, feature in enumerate(features)
    ]
