"""Parameters and multiply-adds of a module, by two independent counters.

fvcore is the counter of record. torch.utils.flop_counter on the meta device is the second;
it needs no memory and no time that depends on the image.
"""

import copy
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from ablations.complexity.hollow import HollowConvolutions, convolution_count

# fvcore's names of what we count as multiply-adds: convolutions and matrix products.
# Its norms, pooling and interpolation are real work, but outside that convention.
PRODUCTS = {"conv", "linear", "matmul", "bmm", "addmm", "einsum", "baddbmm", "sdpa"}

# Matrix products that fvcore would pass over in silence, or nearly.
HIDDEN_PRODUCTS = {
    "aten::addbmm",
    "aten::addmv",
    "aten::addr",
    "aten::bilinear",
    "aten::cdist",
    "aten::dot",
    "aten::gru",
    "aten::inner",
    "aten::linalg_multi_dot",
    "aten::lstm",
    "aten::mv",
    "aten::outer",
    "aten::tensordot",
    "aten::vdot",
    "prim::PythonOp",
}

Shape = tuple[int, ...]  # of the input, (B, C, H, W)


class Cost(NamedTuple):
    """What a module costs for one forward pass in eval mode."""

    params: int
    macs: int  # of convolutions and matrix products
    by_operator: dict[str, int]  # all that fvcore counts, by its names
    uncounted: dict[str, int]  # calls of the operators that fvcore does not know


class UncountedError(RuntimeError):
    """An operator that fvcore passes over hides a matrix product."""


def measure(module: nn.Module, input_shape: Shape) -> Cost:
    """Count module on one input by fvcore.

    Raises UncountedError where an operator without a count hides a matrix product.
    """
    with evaluating(module), HollowConvolutions():
        analysis = FlopCountAnalysis(
            module, torch.zeros(input_shape, device=device_of(module))
        )
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        analysis.tracer_warnings("none")
        analysis.set_op_handle(**HANDLES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch.jit, on constants in a trace
            by_operator = {
                name: int(count) for name, count in analysis.by_operator().items()
            }
            uncounted = dict(analysis.unsupported_ops())
    if hidden := HIDDEN_PRODUCTS & set(uncounted):
        raise UncountedError(f"fvcore has no count for {', '.join(sorted(hidden))}")
    macs = sum(count for name, count in by_operator.items() if name in PRODUCTS)
    return Cost(parameters(module), macs, by_operator, uncounted)


def meta_macs(module: nn.Module, input_shape: Shape) -> int:
    """Multiply-adds by torch's own counter, on the meta device: no memory at any size."""
    twin = copy.deepcopy(module).to("meta")
    counter = FlopCounterMode(display=False)
    with evaluating(twin), torch.no_grad(), PassingNorms(), counter:
        twin(torch.empty(input_shape, device="meta"))
    return int(counter.get_total_flops()) // 2  # a multiply-add is two operations there


class PassingNorms(TorchFunctionMode):
    """Batch norms hand on what they get.

    On the meta device torch evaluates them operation by operation in Python, which would
    be most of the time that a count takes. They keep shapes and hold no products.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is functional.batch_norm:
            return torch.empty_like(args[0])
        return func(*args, **(kwargs or {}))


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def device_of(module: nn.Module) -> torch.device:
    return next((p.device for p in module.parameters()), torch.device("cpu"))


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """In eval mode, and then as before, part by part."""
    before = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in before.items():
            part.training = training


# Handles for fvcore: (inputs, outputs) of a traced operator -> counts by name.


def matrix_product(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """fvcore's own handle loses the batch where the left factor is broadcast."""
    inner = shape_of(inputs[0])[-1]
    return Counter({"matmul": product(shape_of(outputs[0])) * inner})


def attention_product(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """query (..., L, E) with key (..., S, E), then their map with value (..., S, V)."""
    query, key = shape_of(inputs[0]), shape_of(inputs[1])
    output = shape_of(outputs[0])
    scores = product(output[:-1]) * key[-2]
    return Counter({"sdpa": scores * (query[-1] + output[-1])})


def shape_of(value: Any) -> list[int]:
    sizes: list[int] = value.type().sizes()
    return sizes


def product(sizes: list[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total


HANDLES = {
    "ablate::convolution": convolution_count,
    "aten::matmul": matrix_product,
    "aten::scaled_dot_product_attention": attention_product,
}
