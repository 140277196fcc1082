"""A model as a row of boxes: the stages of its encoder, then its other parts."""

from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from ablations.bare_models import BareModel
from ablations.contract import Size
from ablations.passes import first_tensor
from ablations.sites import read_network, run_once


class Box(NamedTuple):
    """A part of a model, and the feature map that leaves it."""

    name: str  # the path of the part; of a stage of the encoder, its number
    channels: int
    size: Size


def outline(bare: BareModel, size: Size) -> list[Box]:
    """The boxes of a model for an image of size; InputError if it cannot take one."""
    return read_network(bare, size, lambda network: record_boxes(network, size))


def record_boxes(network: Any, size: Size) -> list[Box]:
    outputs: dict[str, Tensor] = {}
    features: list[Tensor] = []

    def note(name: str, part: object, arguments: object, output: Any) -> None:
        outputs[name] = first_tensor(output)

    for name, part in network.named_children():
        part.register_forward_hook(partial(note, name))
    network.encoder.register_forward_hook(lambda *call: features.extend(call[2]))
    run_once(network, size)
    stages = [box(str(stage), feature) for stage, feature in enumerate(features) if stage]
    parts = [box(name, output) for name, output in outputs.items() if name != "encoder"]
    return [each for each in [*stages, *parts] if each.channels]


def box(name: str, output: Tensor) -> Box:
    _, channels, height, width = output.shape
    return Box(name, channels, (height, width))
