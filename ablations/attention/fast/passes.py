"""How a pass over a feature map is evaluated: its value, its derivative, piece by piece.

A pass reads x more than once, and its derivative reads x and a gradient. On the CPU all
operations of a pass are done on one image (or on a few small ones) while it is in the
cache, into one output, before the next image is read from memory.

Shapes: B batch, C channels, N positions.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.compiler import is_compiling
from torch.fx.experimental.proxy_tensor import get_proxy_mode

CACHE = 2**21  # bytes of one feature map; a pass works on two or three at a time


class Pass(Function):
    """A function of a feature map and weights, with a derivative of first order."""

    @classmethod
    def value(cls, *inputs: Any) -> Any:
        """What the forward pass returns if no backward pass can follow."""
        return cls.forward(*inputs)


class KeepsInputs(Pass):
    """A pass that keeps nothing but its inputs for the backward pass."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs)


def evaluate(function: type[Pass], *inputs: Any) -> Any:
    """The value, with its derivative if gradients are on.

    A traced function may be called later with or without gradients: a tracer sees the
    operations of the forward pass, each of which has its own derivative.
    """
    if is_tracing():
        return function.forward(*inputs)
    if torch.is_grad_enabled():
        return function.apply(*inputs)  # type: ignore[no-untyped-call]
    return function.value(*inputs)


def is_recorded() -> bool:
    """Whether operations are recorded, to be replayed later or by other means.

    Then nothing may depend on whether gradients are on, or be written into a buffer.
    """
    return is_compiling() or is_tracing()


def is_tracing() -> bool:
    """Whether torch.jit.trace is tracing, or make_fx, which sets the proxy mode."""
    if is_compiling():  # a compiler cannot follow the query for that mode
        return False
    by_jit: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return by_jit or get_proxy_mode() is not None


def piecewise(
    function: Callable[..., tuple[Tensor, ...]],
    results: tuple[Tensor, ...],
    *inputs: Tensor,
) -> tuple[Tensor, ...]:
    """Evaluate function(*inputs, buffer) on one piece of the batch after another.

    All tensors have the batch as their first dimension. The first output of function may be
    the buffer, which is a piece of the first of results. A result on the meta device only
    gives a shape: it is allocated if there is more than one piece.
    """
    if is_recorded():
        return function(*inputs, None)
    images = images_of_a_piece(*results, *inputs)
    if images >= len(inputs[0]):
        return function(*inputs, results[0])
    results = tuple(torch.empty_like(r, device="cpu") if r.is_meta else r for r in results)
    for piece in zip(*(torch.split(t, images) for t in (*results, *inputs)), strict=True):
        outputs, arguments = piece[: len(results)], piece[len(results) :]
        for result, value in zip(outputs, function(*arguments, outputs[0]), strict=True):
            if not result.is_set_to(value):
                result.copy_(value)
    return results


def images_of_a_piece(*tensors: Tensor) -> int:
    """As many images as let the largest tensor's piece fit the cache; all off the CPU."""
    batch, largest = len(tensors[-1]), max(tensors, key=lambda tensor: tensor.nbytes)
    if tensors[-1].device.type != "cpu" or type(tensors[-1]) is not Tensor:
        return batch
    return max(1, CACHE * batch // max(1, largest.nbytes))


def add_product(total: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """total + left @ right, in place."""
    return (torch.baddbmm if is_recorded() else Tensor.baddbmm_)(total, left, right)


def add_few(total: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """The same for two or three products, one at a time on the CPU.

    Its libraries have fast kernels for one column and for many.
    """
    if is_recorded() or total.device.type != "cpu":
        return add_product(total, left, right)
    for column, row in zip(torch.split(left, 1, 2), torch.split(right, 1, 1), strict=True):
        total.baddbmm_(column, row)
    return total
