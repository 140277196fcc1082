"""Where blocks go in a model: an encoder, a decoder and a segmentation head, as smp has."""

import itertools
from collections.abc import Callable
from typing import Any

from torch import nn
from torchvision.ops.misc import Conv2dNormActivation

from ablations.errors import InputError, quoted, unknown_name
from ablations.insertion import Place, after_features, after_module, before_convolution
from ablations.notation import Part
from ablations.own_code import load_object
from ablations.part_options import with_options
from ablations.place_notation import parse_placement
from ablations.stages import features_read

Placement = Callable[[Any], list[Place]]  # model -> places


def residual(model: Any) -> list[Place]:
    """After the first 3x3 convolution, norm and ReLU of every residual block.

    Polarized Self-Attention, Section 4: BasicBlock and Bottleneck of torchvision and timm.
    """
    paths = residual_hosts(model)
    if not paths:
        raise unfit(model, "residual", "BasicBlocks or Bottlenecks, as in resnet18")
    return [before_convolution(model, path) for path in paths]


def stages(model: Any) -> list[Place]:
    """Each feature of the encoder that the decoder reads, except feature 0, the image."""
    channels = model.encoder.out_channels
    indices = [index for index in features_read(model) if index and channels[index]]
    return after_features(model, indices)


def last_feature(model: Any) -> list[Place]:
    """The encoder's last feature."""
    return after_features(model, [len(model.encoder.out_channels) - 1])


def decoder(model: Any) -> list[Place]:
    """Before the segmentation head."""
    head = model.segmentation_head[0]
    if not isinstance(head, nn.Conv2d):
        raise InputError(
            "decoder needs a segmentation head that begins with a convolution; "
            f"{type(model).__name__}'s begins with {type(head).__name__}"
        )
    return [before_convolution(model, "segmentation_head.0")]


def logits(model: Any) -> list[Place]:
    """The output of the whole model: one channel per class, the image's size."""
    convolutions = [
        m for m in model.segmentation_head.modules() if isinstance(m, nn.Conv2d)
    ]
    return [after_module(model, "", convolutions[-1].out_channels)]


# More placements, for rows of the PSA paper's tables.


def basic_blocks(model: Any) -> list[Place]:
    """Like residual, but not in Bottlenecks: the HRNets of Tables 2 and 4."""
    paths = [path for path in residual_hosts(model) if path.endswith("conv2")]
    if not paths:
        raise unfit(model, "basic_blocks", "BasicBlocks, as in resnet18")
    return [before_convolution(model, path) for path in paths]


def depthwise(model: Any) -> list[Place]:
    """After every depthwise 3x3 convolution, norm and activation of a MobileNetV2."""
    units = units_3x3(model, "depthwise")
    return [after_unit(model, path) for path, unit in units if unit[0].groups > 1]


def first_two_3x3(model: Any) -> list[Place]:
    """After the first two 3x3 convolutions, norms and activations of a MobileNetV2."""
    return [after_unit(model, path) for path, _ in units_3x3(model, "first_two_3x3")[:2]]


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


def find_placement(text: str) -> list[Placement]:
    """The placements that a text such as `stages@4-5+decoder` adds up.

    Raises InputError for an unknown name, and for options that a placement does not have.
    """
    try:
        terms = parse_placement(text)
    except InputError as error:
        raise InputError(f"placement {quoted(text)}: {error}") from None
    return [find_name(term.part) for term in terms]


def find_name(part: Part) -> Placement:
    """A placement by its key or its import path my_package.my_file:my_placement."""
    find = own(part.name) if ":" in part.name else PLACEMENTS.get(part.name)
    if find is None:
        raise unknown_name("placement", part.name, PLACEMENTS)
    try:
        if part.inner:
            raise InputError(f"{quoted(str(part.inner))} is not an option, such as depth=2")
        return with_options(find, part.options, given=1)
    except InputError as error:
        raise InputError(f"placement {quoted(str(part))}: {error}") from None


def own(name: str) -> Placement:
    find = load_object("placement", name)
    if not callable(find):
        raise InputError(
            f"placement {name!r} is {type(find).__name__}, but must be a function that "
            "returns a list of places for a model"
        )
    placement: Placement = find
    return placement


def residual_hosts(model: Any) -> list[str]:
    """In every residual block, the path of the convolution after the first 3x3."""
    return [
        f"encoder.{path}.{name}"
        for path, block in model.encoder.named_modules()
        if (name := after_first_3x3(block)) is not None
    ]


def after_first_3x3(block: nn.Module) -> str | None:
    """The name of the convolution that follows the first 3x3 of a residual block."""
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
            return second
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


def after_unit(model: Any, path: str) -> Place:
    """After a convolution, norm and activation that form one nn.Sequential."""
    return after_module(model, path, model.get_submodule(path)[0].out_channels)


def unfit(model: Any, placement: str, requirement: str) -> InputError:
    encoder = type(model.encoder).__name__
    return InputError(f"{placement} needs {requirement}; {encoder} has none")
