"""What depends on what in an encoder: the features that are read, the stages of places.

Stages are numbered as the encoder's features. In a ResNet, stages 2 to 5 are conv2_x to
conv5_x of its paper. The graph of gradients tells, on the meta device or, if that fails,
with values, for images of the first size that the model accepts.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ablations.errors import InputError
from ablations.insertion import Place
from ablations.own_code import describe_error
from ablations.passes import first_tensor, on_meta

Result = TypeVar("Result")
Find = Callable[[nn.Module], Sequence[Place]]


def features_read(model: Any) -> list[int]:
    """The indices of the encoder's features that the model's masks depend on.

    Some decoders read only a few of them.
    """
    return on_some_image(model, features_behind_masks)


def find_stages(model: Any, find: Find) -> dict[str, int]:
    """By path, the stages of the places that find returns for the model.

    The stage of a place is the first feature of the encoder that depends on it. Places
    outside the encoder have none.
    """
    return on_some_image(model, lambda network, images: stages(network, images, find))


def on_some_image(model: Any, read: Callable[[Any, Tensor], Result]) -> Result:
    """What read returns for a copy of the model and images of a size that it accepts."""
    problem: Exception = InputError("no size was tried")
    for duplicate in (on_meta, copy.deepcopy):
        for side in sides(model):
            network = duplicate(model).eval().requires_grad_(False)
            device = next(network.parameters()).device
            channels = model.encoder.out_channels[0]  # of the image
            try:
                with torch.enable_grad():
                    return read(
                        network, torch.zeros(2, channels, side, side, device=device)
                    )
            except Exception as error:  # each encoder raises its own
                problem = error
    raise InputError(
        f"the model rejects images of every size tried: {describe_error(problem)}"
    )


def features_behind_masks(network: Any, images: Tensor) -> list[int]:
    leaves: list[Tensor] = []

    def cut(host: object, arguments: object, features: Iterable[Tensor]) -> list[Tensor]:
        leaves.extend(feature.detach().requires_grad_() for feature in features)
        return leaves

    network.encoder.register_forward_hook(cut)
    read = leaves_behind(first_tensor(network(images)))
    return [index for index, leaf in enumerate(leaves) if id(leaf) in read]


class Probe(nn.Module):
    """Stands in for a block: what depends on its leaves depends on its place."""

    def __init__(self) -> None:
        super().__init__()
        self.leaves: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.leaves.append(torch.zeros(1, device=x.device, requires_grad=True))
        return x + self.leaves[-1]


def stages(network: Any, images: Tensor, find: Find) -> dict[str, int]:
    probes = {place.path: (place, Probe()) for place in find(network)}
    for place, probe in probes.values():
        place.put(probe)
    behind = [leaves_behind(feature) for feature in network.encoder(images)]
    return {
        path: stage
        for path, (_, probe) in probes.items()
        if (stage := first_stage(probe, behind)) is not None
    }


def first_stage(probe: Probe, behind: Sequence[Mapping[int, Tensor]]) -> int | None:
    indices = (
        index
        for index, leaves in enumerate(behind)
        if any(id(leaf) in leaves for leaf in probe.leaves)
    )
    return next(indices, None)


def leaves_behind(tensor: Tensor) -> dict[int, Tensor]:
    """The tensors that require a gradient and that tensor depends on, by their id."""
    if tensor.requires_grad and tensor.grad_fn is None:
        return {id(tensor): tensor}
    leaves: dict[int, Tensor] = {}
    queue, seen = [tensor.grad_fn], {None}
    while queue:
        node: Any = queue.pop()
        if node in seen:
            continue
        seen.add(node)
        queue += [following for following, _ in node.next_functions]
        if (leaf := getattr(node, "variable", None)) is not None:
            leaves[id(leaf)] = leaf
    return leaves


def sides(model: Any) -> list[int]:
    """Sides of square images to try: some encoders accept only one size, their own."""
    settings = getattr(getattr(model.encoder, "model", None), "pretrained_cfg", {})
    native = settings.get("input_size", ())[-1:] if isinstance(settings, dict) else ()
    return list(dict.fromkeys([256, *native, 224, 384, 512, 128]))
