"""What tools count that look at layers: modules with weights, and what they give out.

They pass over whatever a module computes without a layer of its own: matrix products
between activations, and convolutions written as functions, as in fast evaluations.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.complexity.counters import PassingNorms, evaluating

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d


class LayerCount(NamedTuple):
    """One call of one layer, for one image."""

    path: str
    macs: int  # of a convolution or linear layer
    macs_at_output: int  # weights times output positions, of transposed ones too
    norm_elements: int  # of a batch norm's output


def count_layers(network: nn.Module, input_shape: tuple[int, ...]) -> list[LayerCount]:
    """Every call of a layer in one forward pass of a network on the meta device."""
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
            network(torch.empty(input_shape, device="meta"))
    finally:
        for handle in handles:
            handle.remove()
    return calls


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
