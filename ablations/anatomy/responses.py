"""What a block answers: outputs, and gradients of single outputs."""

import torch
from torch import Tensor, nn

from ablations.check.promises import relative_rms
from ablations.errors import InputError

BATCH = 128  # images in one pass
NEAR = 1e-5  # of results that are equal but for rounding, perhaps in float32


def respond(module: nn.Module, x: Tensor) -> Tensor:
    """The output for x, which stays as it is."""
    with torch.no_grad():
        output: Tensor = module(x.clone())
    return output


def check_independent(module: nn.Module, x: Tensor) -> None:
    """InputError if the output for x is not finite, or another beside another image."""
    output = respond(module, x)
    if not output.isfinite().all():
        raise InputError("it returns NaN or infinity")
    for beside in (x, 1 - 3 * x):
        both = respond(module, torch.cat([x, beside]))
        if not relative_rms(both[:1], output) <= NEAR:
            raise InputError(
                "its result for an image is random, or changes beside another image"
            )


def gradients(module: nn.Module, x: Tensor, directions: Tensor) -> Tensor:
    """The gradient of the product of the output with each direction.

    x is (1, C, H, W); directions and the result are (K, C, H, W). Each image of a batch
    gives one of them, since images do not influence each other.
    """
    return torch.cat([gradient(module, x, part) for part in torch.split(directions, BATCH)])


def gradient(module: nn.Module, x: Tensor, directions: Tensor) -> Tensor:
    copies = x.repeat(len(directions), 1, 1, 1).requires_grad_()
    with torch.enable_grad():
        outputs = module(copies * 1)
    if not outputs.requires_grad:
        return torch.zeros_like(copies)
    [result] = torch.autograd.grad(outputs, copies, directions, allow_unused=True)
    return torch.zeros_like(copies) if result is None else result


def at_positions(values: Tensor, positions: Tensor) -> Tensor:
    """One direction (C, H, W) for each position: the values there, zero elsewhere.

    values is (C, H, W); positions are numbers of positions in reading order.
    """
    channels, height, width = values.shape
    directions = values.new_zeros(len(positions), channels, height * width)
    rows = torch.arange(len(positions))
    directions[rows, :, positions] = values.flatten(1)[:, positions].t()
    return directions.reshape(-1, channels, height, width)
