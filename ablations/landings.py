"""How a block gets into a model without changing a key of its state dict.

The block becomes the child `attention` of a host: a module before or after which it is
called. Hooks are plain functions, so copies and pickles of a model find their own blocks.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

BuildBlock = Callable[[int], nn.Module]  # channels -> block


class Landing(NamedTuple):
    """One place of a block: where its module is, and the channels it sees."""

    path: str  # of the block in the model
    channels: int
    block: nn.Module


def before_convolution(path: str, host: nn.Conv2d, build: BuildBlock) -> Landing:
    host.attention = block = build(host.in_channels)
    host.register_forward_pre_hook(weigh_input)
    return Landing(f"{path}.attention", host.in_channels, block)


def after_unit(path: str, host: Any, build: BuildBlock) -> Landing:
    """After a convolution, norm and activation that form one nn.Sequential."""
    host.add_module("attention", block := build(host[0].out_channels))
    return Landing(f"{path}.attention", host[0].out_channels, block)


def after_features(
    model: Any, indices: Iterable[int], build: BuildBlock
) -> Iterator[Landing]:
    encoder = model.encoder
    encoder.attention = nn.ModuleDict()
    encoder.register_forward_hook(weigh_features)
    for index in indices:
        channels = encoder.out_channels[index]
        encoder.attention[str(index)] = block = build(channels)
        yield Landing(f"encoder.attention.{index}", channels, block)


def after_model(model: Any, channels: int, build: BuildBlock) -> Landing:
    model.attention = block = build(channels)
    model.register_forward_hook(weigh_output)
    return Landing("attention", channels, block)


def weigh_input(host: Any, arguments: tuple[Tensor]) -> tuple[Tensor]:
    return (host.attention(arguments[0]),)


def weigh_output(host: Any, arguments: object, output: Tensor) -> Tensor:
    weighed: Tensor = host.attention(output)
    return weighed


def weigh_features(host: Any, arguments: object, features: list[Tensor]) -> list[Tensor]:
    return [
        host.attention[str(index)](feature) if str(index) in host.attention else feature
        for index, feature in enumerate(features)
    ]


def features_read(model: Any) -> list[int]:
    """The indices of the encoder's features that the model's output depends on.

    Decoders of some architectures read only a few. Found by gradients on the meta device.
    """
    leaves: list[Tensor] = []

    def cut(host: object, arguments: object, features: list[Tensor]) -> list[Tensor]:
        leaves.extend(feature.detach().requires_grad_() for feature in features)
        return leaves

    state = dict(model.named_parameters()) | dict(model.named_buffers())
    meta = {name: tensor.to("meta") for name, tensor in state.items()}
    handle, training = model.encoder.register_forward_hook(cut), model.training
    try:
        with torch.enable_grad():
            images = torch.empty(2, 3, 256, 256, device="meta")
            total = functional_call(model.eval(), meta, (images,)).sum()
    finally:
        handle.remove()
        model.train(training)
    gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    return [index for index, gradient in enumerate(gradients) if gradient is not None]
