"""Convolutions without their products, for a counter that looks at shapes only.

Products take most of the time of a traced forward pass, and no count of a network depends
on their values. In the trace each convolution is one call of `ablate::convolution`
(handles.py). Blocks are traced in full: a user's may look at values.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import conv_flop_count as conv_flop
from torch.utils.flop_counter import register_flop_formula

torch.library.define(
    "ablate::convolution",
    "(Tensor x, Tensor weight, Tensor? bias, int[2] stride, int[2] padding, "
    "int[2] output_padding, int[2] dilation, int groups, bool transposed) -> Tensor",
)


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: list[int],
    padding: list[int],
    output_padding: list[int],
    dilation: list[int],
    groups: int,
    transposed: bool,
) -> Tensor:
    """Zeros in the shape of the result; if shapes do not fit, torch's own error."""
    batch, channels, *sides = map(int, x.shape)
    first, second, *kernel = map(int, weight.shape)
    steps = list(zip(sides, stride, padding, dilation, kernel, strict=True))
    if transposed:
        inputs, outputs = first, second * groups
        sides = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in steps]
        sides = [side + more for side, more in zip(sides, output_padding, strict=True)]
    else:
        inputs, outputs = second * groups, first
        sides = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, s, p, d, k in steps]
    if channels != inputs or min(sides) < 1:
        options = (stride, padding, output_padding, groups, dilation)
        if transposed:
            return functional.conv_transpose2d(x, weight, bias, *options)
        return functional.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return torch.zeros(batch, outputs, *sides, dtype=x.dtype)


torch.library.impl("ablate::convolution", "cpu", convolution)


@register_flop_formula(torch.ops.ablate.convolution)
def convolution_flops(
    x: list[int], weight: list[int], *options: Any, out_shape: list[int], **_: Any
) -> int:
    """Makes torch's counter treat these like torch's own convolutions."""
    return int(conv_flop(x, weight, out_shape, transposed=options[-1]))


class HollowConvolutions(TorchFunctionMode):
    """Within the `with` block, calls from nn.Conv2d and nn.ConvTranspose2d are hollow."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        plain, transposed = func is functional.conv2d, func is functional.conv_transpose2d
        if kwargs or not (plain or transposed) or not is_hollow(args, plain):
            return func(*args, **(kwargs or {}))
        x, weight, bias, stride, padding, *rest = args
        groups, dilation = (rest[1], rest[0]) if plain else (rest[1], rest[2])
        output_padding = (0, 0) if plain else rest[0]
        return torch.ops.ablate.convolution(
            x, weight, bias, stride, padding, output_padding, dilation, groups, transposed
        )


def is_hollow(args: tuple[Any, ...], plain: bool) -> bool:
    """Only calls with all arguments, as modules make; torch resolves `padding="same"`."""
    return (
        len(args) == (7 if plain else 8)
        and args[0].dim() == 4
        and args[0].device.type == "cpu"
        and not isinstance(args[4], str)
    )
