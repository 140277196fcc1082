"""Where blocks go in a model: an encoder, a decoder and a segmentation head, as smp has."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn
from torchvision.ops.misc import Conv2dNormActivation

from ablations.errors import InputError, unknown_name
from ablations.insertion import (
    BuildBlock,
    PlacedBlock,
    after_features,
    after_model,
    after_unit,
    before_convolution,
    features_read,
)


def residual(model: Any, build: BuildBlock) -> Iterator[PlacedBlock]:
    """After the first 3x3 convolution, norm and ReLU of every residual block.

    Polarized Self-Attention, Section 4: BasicBlock and Bottleneck of torchvision and timm.
    """
    hosts = residual_hosts(model)
    if not hosts:
        raise unfit(model, "residual", "BasicBlocks or Bottlenecks, as in resnet18")
    for path, convolution in hosts:
        yield before_convolution(path, convolution, build)


def stages(model: Any, build: BuildBlock) -> Iterator[PlacedBlock]:
    """Each feature of the encoder that the decoder reads, except feature 0, the image."""
    channels = model.encoder.out_channels
    indices = [index for index in features_read(model) if index and channels[index]]
    yield from after_features(model, indices, build)


def last_feature(model: Any, build: BuildBlock) -> Iterator[PlacedBlock]:
    """The encoder's last feature."""
    yield from after_features(model, [len(model.encoder.out_channels) - 1], build)


def decoder(model: Any, build: BuildBlock) -> Iterator[PlacedBlock]:
    """Before the segmentation head."""
    head = model.segmentation_head[0]
    if not isinstance(head, nn.Conv2d):
        raise InputError(
            "decoder needs a segmentation head that begins with a convolution; "
            f"{type(model).__name__}'s begins with {type(head).__name__}"
        )
    yield before_convolution("segmentation_head.0", head, build)


def logits(model: Any, build: BuildBlock) -> Iterator[PlacedBlock]:
    """The output of the whole model: one channel per class, the image's size."""
    convolutions = [
        m for m in model.segmentation_head.modules() if isinstance(m, nn.Conv2d)
    ]
    yield after_model(model, convolutions[-1].out_channels, build)


# More placements, for rows of the PSA paper's tables.


def basic_blocks(model: Any, build: BuildBlock) -> Iterator[PlacedBlock]:
    """Like residual, but not in Bottlenecks: the HRNets of Tables 2 and 4."""
    hosts = [host for host in residual_hosts(model) if host[0].endswith("conv2")]
    if not hosts:
        raise unfit(model, "basic_blocks", "BasicBlocks, as in resnet18")
    for path, convolution in hosts:
        yield before_convolution(path, convolution, build)


def depthwise(model: Any, build: BuildBlock) -> Iterator[PlacedBlock]:
    """After every depthwise 3x3 convolution, norm and activation of a MobileNetV2."""
    for path, unit in units_3x3(model, "depthwise"):
        if unit[0].groups > 1:
            yield after_unit(path, unit, build)


def first_two_3x3(model: Any, build: BuildBlock) -> Iterator[PlacedBlock]:
    """After the first two 3x3 convolutions, norms and activations of a MobileNetV2."""
    for path, unit in units_3x3(model, "first_two_3x3")[:2]:
        yield after_unit(path, unit, build)


Placement = Callable[[nn.Module, BuildBlock], Iterator[PlacedBlock]]

PLACEMENTS: dict[str, Placement] = {
    "residual": residual,
    "stages": stages,
    "last_feature": last_feature,
    "decoder": decoder,
    "logits": logits,
    "basic_blocks": basic_blocks,
    "depthwise": depthwise,
    "first_two_3x3": first_two_3x3,
}


def find_placement(name: str) -> Placement:
    if name not in PLACEMENTS:
        raise unknown_name("placement", name, PLACEMENTS)
    return PLACEMENTS[name]


def residual_hosts(model: Any) -> list[tuple[str, nn.Conv2d]]:
    """In every residual block, the convolution after the first 3x3, and its path."""
    hosts = []
    for path, block in model.encoder.named_modules():
        if (host := after_first_3x3(block)) is not None:
            hosts.append((f"encoder.{path}.{host[0]}", host[1]))
    return hosts


def after_first_3x3(block: nn.Module) -> tuple[str, nn.Conv2d] | None:
    """The convolution that follows the first 3x3 of a residual block, else None."""
    if not hasattr(block, "downsample"):  # its name in torchvision, timm and smp
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


def units_3x3(model: Any, placement: str) -> list[tuple[str, Any]]:
    """torchvision's units of a 3x3 convolution, norm and activation, and their paths."""
    units = [
        (f"encoder.{path}", unit)
        for path, unit in model.encoder.named_modules()
        if isinstance(unit, Conv2dNormActivation) and unit[0].kernel_size == (3, 3)
    ]
    if not units:
        raise unfit(model, placement, "the 3x3 units of torchvision's mobilenet_v2")
    return units


def unfit(model: Any, placement: str, requirement: str) -> InputError:
    encoder = type(model.encoder).__name__
    return InputError(f"{placement} needs {requirement}; {encoder} has none")
