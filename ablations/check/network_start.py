"""How a network begins: its logits, features and gradients, before the first step."""

import copy
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from ablations.bare_models import BareModel, create_bare
from ablations.check.images import photograph_noise
from ablations.contract import Size
from ablations.passes import first_tensor

IMAGES = 4  # batch norm after global pooling needs several

Gradients = dict[str, Tensor | None]


class Start(NamedTuple):
    """What a network computes for the images of a check before it learns."""

    logits: Tensor  # (B, classes, H, W), in eval mode
    features: list[Tensor]  # of the encoder, in eval mode
    gradients: Gradients  # of the loss, in train mode; none: not part of the computation


@lru_cache(maxsize=1)
def bare_network(bare: BareModel, weights: str | None, size: Size) -> nn.Module:
    """The bare network in eval mode; do not modify it.

    Batch norms that are not pretrained have the statistics of the images, as they soon
    would in training: with those of construction, activations grow from block to block.
    """
    torch.manual_seed(0)
    model: Any = create_bare(*bare, weights)
    pretrained = copy.deepcopy(model.encoder.state_dict()) if weights else {}
    norms = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches, of which there is one
    with torch.no_grad():
        model.train()(photograph_noise(IMAGES, size))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    if weights:
        model.encoder.load_state_dict(pretrained)
    bare_model: nn.Module = model.eval()
    return bare_model


@lru_cache(maxsize=1)
def bare_start(bare: BareModel, weights: str | None, size: Size) -> Start:
    return start_of(bare_network(bare, weights, size), size)


def start_of(model: Any, size: Size) -> Start:
    """The network itself stays as it is."""
    features: list[Tensor] = []
    handle = model.encoder.register_forward_hook(
        lambda encoder, arguments, output: features.extend(output)
    )
    try:
        with torch.no_grad():
            logits = first_tensor(model.eval()(photograph_noise(IMAGES, size)))
    finally:
        handle.remove()
    return Start(logits, features, gradients_of(copy.deepcopy(model), size))


def gradients_of(model: nn.Module, size: Size) -> Gradients:
    """Of the cross-entropy with random masks; changes the statistics of batch norms.

    Dropout is the same in every network, unless a block draws random numbers too.
    """
    torch.manual_seed(1)
    model.zero_grad(set_to_none=True)
    images = photograph_noise(IMAGES, size).to(next(model.parameters()).dtype)
    logits = first_tensor(model.train()(images))
    generator = torch.Generator().manual_seed(2)
    count, classes, height, width = logits.shape
    masks = torch.randint(classes, (count, height, width), generator=generator)
    functional.cross_entropy(logits, masks).backward()  # type: ignore[no-untyped-call]
    return {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def stem_of(model: Any) -> str:
    """The path of the weight of the encoder's first convolution."""
    for path, part in model.encoder.named_modules(prefix="encoder"):
        if isinstance(part, nn.Conv2d):
            return f"{path}.weight"
    raise LookupError("every encoder of smp has a convolution")
