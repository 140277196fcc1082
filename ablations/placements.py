"""Where blocks go in an smp model.

A placement finds hosts: modules before or after which a block is called. The block becomes
the host's child `attention`, and a hook on the host calls it; so no key of the bare model's
state dict changes, and pretrained weights stay loadable.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn

from ablations.errors import InputError

BuildBlock = Callable[[int], nn.Module]  # channels -> block


class Landing(NamedTuple):
    """One place of a block: where its module is, and the channels it sees."""

    path: str  # of the block in the model
    channels: int
    block: nn.Module


def residual(model: Any, build: BuildBlock) -> Iterator[Landing]:
    """After the first 3x3 convolution, norm and ReLU of every residual block.

    Polarized Self-Attention, Section 4: BasicBlock and Bottleneck of torchvision and timm.
    """
    found = False
    for path, block in list(model.encoder.named_modules()):
        if (host := after_first_3x3(block)) is not None:
            found = True
            name, convolution = host
            yield before_convolution(f"encoder.{path}.{name}", convolution, build)
    if not found:
        encoder = type(model.encoder).__name__
        raise InputError(
            "residual needs BasicBlocks or Bottlenecks (conv1, conv2, downsample), such as "
            f"resnet18 has; {encoder} has none"
        )


def stages(model: Any, build: BuildBlock) -> Iterator[Landing]:
    """Each feature of the encoder but feature 0, which is the input image.

    Some decoders read only a few of them; fvcore counts no block that nothing reads.
    """
    channels = model.encoder.out_channels
    chosen = [index for index in range(1, len(channels)) if channels[index]]
    yield from weigh_features(model, chosen, build)


def last_feature(model: Any, build: BuildBlock) -> Iterator[Landing]:
    """The encoder's last feature."""
    yield from weigh_features(model, [len(model.encoder.out_channels) - 1], build)


def decoder(model: Any, build: BuildBlock) -> Iterator[Landing]:
    """Before the segmentation head."""
    head = model.segmentation_head[0]
    if not isinstance(head, nn.Conv2d):
        raise InputError(
            "decoder needs a segmentation head that begins with a convolution; "
            f"{type(model).__name__}'s begins with {type(head).__name__}"
        )
    yield before_convolution("segmentation_head.0", head, build)


PLACEMENTS: dict[str, Callable[[nn.Module, BuildBlock], Iterator[Landing]]] = {
    "residual": residual,
    "stages": stages,
    "last_feature": last_feature,
    "decoder": decoder,
}


def after_first_3x3(block: nn.Module) -> tuple[str, nn.Conv2d] | None:
    """The convolution that follows the first 3x3 of a residual block, else None."""
    if not hasattr(block, "downsample"):  # torchvision, timm and smp all call it so
        return None
    convolutions = {
        name: getattr(block, name, None) for name in ("conv1", "conv2", "conv3")
    }
    for first, second in itertools.pairwise(convolutions):
        three, following = convolutions[first], convolutions[second]
        if not isinstance(three, nn.Conv2d) or not isinstance(following, nn.Conv2d):
            return None
        if three.kernel_size == (3, 3):
            return second, following
    return None


def before_convolution(path: str, host: nn.Conv2d, build: BuildBlock) -> Landing:
    block = build(host.in_channels)
    host.add_module("attention", block)
    host.register_forward_pre_hook(weigh_input)
    return Landing(f"{path}.attention", host.in_channels, block)


def weigh_features(model: Any, indices: list[int], build: BuildBlock) -> Iterator[Landing]:
    encoder = model.encoder
    encoder.attention = nn.ModuleDict()
    encoder.register_forward_hook(weigh_output)
    for index in indices:
        channels = encoder.out_channels[index]
        encoder.attention[str(index)] = block = build(channels)
        yield Landing(f"encoder.attention.{index}", channels, block)


# Hooks are plain functions: copies and pickles of a model find their own blocks.


def weigh_input(host: Any, arguments: tuple[Tensor]) -> tuple[Tensor]:
    return (host.attention(arguments[0]),)


def weigh_output(host: Any, arguments: object, features: list[Tensor]) -> list[Tensor]:
    return [
        host.attention[str(index)](feature) if str(index) in host.attention else feature
        for index, feature in enumerate(features)
    ]
