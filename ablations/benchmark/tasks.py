"""What is timed of a module: a forward pass, and a step of training."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.benchmark.timing import Function


class Task(NamedTuple):
    words: str
    make: Callable[[nn.Module, Tensor], Function]
    passes: int  # through the multiply-adds of the module


def forward_of(module: nn.Module, x: Tensor) -> Function:
    @torch.no_grad()
    def forward() -> Tensor:
        output: Tensor = module(x)
        return output

    return forward


def step_of(module: nn.Module, x: Tensor) -> Function:
    """Forward and backward, with gradients of the input and of every parameter."""
    x = x.clone().requires_grad_()
    inputs = [x, *module.parameters()]
    cotangents: list[Tensor] = []  # one, as soon as the shape of the output is known

    def step() -> object:
        output: Tensor = module(x)
        if not cotangents:
            cotangents.append(torch.randn_like(output))
        return torch.autograd.grad(output, inputs, cotangents[0], allow_unused=True)

    return step


TASKS = {
    "forward": Task("a forward pass", forward_of, passes=1),
    "step": Task("a step", step_of, passes=3),
}
