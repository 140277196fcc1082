"""What layer-based tools count: modules with weights, and their outputs.

They miss whatever a module computes without a layer: matrix products between activations,
and convolutions written as functions, as in fast evaluations.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.passes import PassingNorms, device_of, evaluating, first_tensor, on_meta

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d


class LayerCount(NamedTuple):
    """One call of one layer, for one image."""

    path: str
    macs: int  # of a convolution or linear layer
    macs_at_output: int  # weights times output positions, of transposed ones too
    norm_elements: int  # of a batch norm's output


def count_layers(network: nn.Module, input_shape: tuple[int, ...]) -> list[LayerCount]:
    """Every call of a layer in one forward pass."""
    calls: list[LayerCount] = []

    def watch(path: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return layer.register_forward_hook(
            lambda _, arguments, output: calls.append(
                LayerCount(path, *count_call(layer, arguments[0], output))
            )
        )

    handles = [
        watch(path, layer)
        for path, layer in network.named_modules()
        if isinstance(layer, Convolution | Transposed | nn.Linear | nn.BatchNorm2d)
    ]
    try:
        with evaluating(network), torch.no_grad(), PassingNorms():
            network(torch.zeros(input_shape, device=device_of(network)))
    finally:
        for handle in handles:
            handle.remove()
    return calls


def unread_macs(network: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Multiply-adds of layers that run though the output does not depend on them.

    torch counts them and fvcore does not. Computed on the meta device, or with values if
    the module needs them; 0 if no gradient can be computed.
    """
    for copy_of in (on_meta, copy.deepcopy):
        try:
            return unread_by_gradient(copy_of(network), input_shape)
        except Exception:  # noqa: S112, the gap stays unexplained
            continue
    return 0


def unread_by_gradient(twin: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Macs of the layers whose weights receive no gradient."""
    twin.requires_grad_()
    weights = {
        name.removesuffix(".weight"): parameter
        for name, parameter in twin.named_parameters()
        if name.endswith(".weight")
    }
    with evaluating(twin), torch.enable_grad():
        total = first_tensor(twin(torch.zeros(input_shape, device=device_of(twin)))).sum()
    if not weights or not total.requires_grad:
        return sum(layer.macs for layer in count_layers(twin, input_shape))
    gradients = torch.autograd.grad(total, [*weights.values()], allow_unused=True)
    read = {path for path, g in zip(weights, gradients, strict=True) if g is not None}
    layers = count_layers(twin, input_shape)
    return sum(layer.macs for layer in layers if layer.path not in read)


def count_call(layer: nn.Module, x: Tensor, y: Tensor) -> tuple[int, int, int]:
    if isinstance(layer, Convolution | Transposed):
        weights = layer.weight.numel()
        at_output = weights * y.shape[2:].numel()
        transposed = isinstance(layer, Transposed)
        return weights * x.shape[2:].numel() if transposed else at_output, at_output, 0
    if isinstance(layer, nn.Linear):
        macs = layer.in_features * y.numel()
        return macs, macs, 0
    return 0, 0, y.numel()
