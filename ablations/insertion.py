"""How a block gets into a model without changing a key of its state dict.

The block becomes the child `attention` of a host: a module before or after which it is
called. Hooks are plain functions, so copies and pickles of a model find their own blocks.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ablations.errors import InputError
from ablations.own_code import describe_error
from ablations.passes import first_tensor

BuildBlock = Callable[[int], nn.Module]  # channels -> block


class PlacedBlock(NamedTuple):
    """A block in a model: where it is, and the channels that it sees."""

    path: str  # of the block in the model
    channels: int
    module: nn.Module


def before_convolution(path: str, host: nn.Conv2d, build: BuildBlock) -> PlacedBlock:
    host.attention = block = build(host.in_channels)
    host.register_forward_pre_hook(weigh_input)
    return PlacedBlock(f"{path}.attention", host.in_channels, block)


def after_unit(path: str, host: Any, build: BuildBlock) -> PlacedBlock:
    """After a convolution, norm and activation that form one nn.Sequential."""
    host.add_module("attention", block := build(host[0].out_channels))
    return PlacedBlock(f"{path}.attention", host[0].out_channels, block)


def after_features(
    model: Any, indices: Iterable[int], build: BuildBlock
) -> Iterator[PlacedBlock]:
    encoder = model.encoder
    encoder.attention = nn.ModuleDict()
    encoder.register_forward_hook(weigh_features)
    for index in indices:
        channels = encoder.out_channels[index]
        encoder.attention[str(index)] = block = build(channels)
        yield PlacedBlock(f"encoder.attention.{index}", channels, block)


def after_model(model: Any, channels: int, build: BuildBlock) -> PlacedBlock:
    model.attention = block = build(channels)
    model.register_forward_hook(weigh_output)
    return PlacedBlock("attention", channels, block)


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


def features_read(model: Any) -> list[int]:
    """The indices of the encoder's features that the model's masks depend on.

    Some decoders read only a few of them. Gradients tell which, on the meta device or, if
    that fails, with values, for images of the first size that the model accepts.
    """
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    meta = {name: tensor.to("meta") for name, tensor in tensors.items()}
    problem: Exception = InputError("no size was tried")
    for state in (meta, tensors):
        for side in sides(model):
            try:
                return features_by_gradient(model, state, side)
            except Exception as error:  # each encoder raises its own
                problem = error
    raise InputError(
        f"the model rejects images of every size tried: {describe_error(problem)}"
    )


def features_by_gradient(model: Any, state: dict[str, Tensor], side: int) -> list[int]:
    leaves: list[Tensor] = []

    def cut(host: object, arguments: object, features: Iterable[Tensor]) -> list[Tensor]:
        leaves.extend(feature.detach().requires_grad_() for feature in features)
        return leaves

    channels = model.encoder.out_channels[0]  # of the image
    device = next(iter(state.values())).device
    handle, training = model.encoder.register_forward_hook(cut), model.training
    try:
        with torch.enable_grad():
            images = torch.zeros(2, channels, side, side, device=device)
            total = first_tensor(functional_call(model.eval(), state, (images,))).sum()
    finally:
        handle.remove()
        model.train(training)
    gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    return [index for index, gradient in enumerate(gradients) if gradient is not None]


def sides(model: Any) -> list[int]:
    """Sides of square images to try: some encoders accept only one size, their own."""
    settings = getattr(getattr(model.encoder, "model", None), "pretrained_cfg", {})
    native = settings.get("input_size", ())[-1:] if isinstance(settings, dict) else ()
    return list(dict.fromkeys([256, *native, 224, 384, 512, 128]))
