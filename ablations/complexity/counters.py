"""Parameters and multiply-adds of a module, by two independent counters.

fvcore is the counter of record. torch.utils.flop_counter is the second; on the meta device
it needs no memory, and its time does not depend on the image.

Together they fail closed: an uncounted operator that is not known to be harmless, or
products that torch sees and fvcore does not, make a figure missing, never too small.
"""

import warnings
from math import prod
from typing import Any

import torch
import torchvision  # noqa: F401, registers its operators
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop

from ablations.complexity.cost import Cost
from ablations.complexity.handles import HANDLES, NOT_COUNTED, PRODUCTS
from ablations.complexity.harmless import is_harmless
from ablations.complexity.layers import unread_macs
from ablations.errors import first_line
from ablations.passes import (
    PassingNorms,
    device_of,
    evaluating,
    keeping_hooks,
    on_meta,
    plain_operators,
)

REASON = 140  # characters of an error shown in place of a count

Shape = tuple[int, ...]  # of the input, (B, C, H, W)


def measure(module: nn.Module, input_shape: Shape) -> Cost:
    """Count module on one input with fvcore.

    Never raises: a module that cannot be counted has no macs, and not_counted says why.
    """
    try:
        return count(module, input_shape)
    except Exception as error:  # anything a user's module may raise
        params = parameters(module)
        return Cost(params, None, {}, {}, f"it does not run ({first_line(error, REASON)})")


def count(module: nn.Module, input_shape: Shape) -> Cost:
    """Like measure, but raises what module raises when it runs."""
    with evaluating(module), torch.no_grad(), plain_operators():
        images = torch.zeros(input_shape, device=device_of(module))
        torch_count = macs_in_torch(module, images)  # first pass: also creates lazy layers
        params = parameters(module)
        try:
            by_operator, uncounted, hidden = trace(module, images)
        except Exception as error:  # anything a tracer may raise
            return Cost(
                params, None, {}, {}, f"it cannot be traced ({first_line(error, REASON)})"
            )
    macs = sum(count for name, count in by_operator.items() if name in PRODUCTS)
    if torch_count and torch_count > macs and not hidden:
        hidden = unexplained(module, input_shape, torch_count - macs)
    reason = ", ".join(sorted(hidden))
    return Cost(params, None if hidden else macs, by_operator, uncounted, reason)


def trace(
    module: nn.Module, images: Tensor
) -> tuple[dict[str, int], dict[str, int], set[str]]:
    """From fvcore: counts, calls of uncounted operators, and what may hide products."""
    analysis = FlopCountAnalysis(module, images).tracer_warnings("all")
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    analysis.set_op_handle(**HANDLES)
    with keeping_hooks(module), warnings.catch_warnings(record=True) as messages:
        warnings.simplefilter("always")
        numbers = {name: int(number) for name, number in analysis.by_operator().items()}
        uncounted = dict(analysis.unsupported_ops())
    hidden = {name for name in numbers if name.startswith(NOT_COUNTED)}
    by_operator = {name: number for name, number in numbers.items() if name not in hidden}
    hidden = {name.removeprefix(NOT_COUNTED) for name in hidden}
    hidden |= {name for name in uncounted if not is_harmless(name)}
    hidden |= {
        name for name in OUTSIDE if any(OUTSIDE[name] in str(w.message) for w in messages)
    }
    hidden |= {"sparse tensors"} if has_sparse(module) else set()
    return by_operator, uncounted, hidden


# No counter follows values that leave torch; the tracer warns about them.
OUTSIDE = {
    "NumPy": "Converting a tensor to a NumPy array",
    "Python numbers": "Converting a tensor to a Python list",
}


def has_sparse(module: nn.Module) -> bool:
    tensors = [*module.parameters(), *module.buffers()]
    return any(tensor.layout is not torch.strided for tensor in tensors)


def unexplained(module: nn.Module, input_shape: Shape, gap: int) -> set[str]:
    """A gap between the counters, unless layers that nothing reads explain it."""
    try:
        unread = unread_macs(module, input_shape)
    except Exception:  # nothing explains the gap then
        unread = 0
    return set() if unread == gap else {f"{gap:,} multiply-adds that fvcore does not see"}


def meta_macs(module: nn.Module, input_shape: Shape) -> int:
    """Multiply-adds by torch's own counter on the meta device: no memory at any size."""
    twin = on_meta(module)
    with evaluating(twin), torch.no_grad(), PassingNorms(), plain_operators():
        return flops(twin, torch.empty(input_shape, device="meta"))


def torch_macs(module: nn.Module, input_shape: Shape) -> int | None:
    """Like meta_macs, but with values; None if module does not run under that counter."""
    with evaluating(module), torch.no_grad(), plain_operators():
        try:
            return flops(module, torch.zeros(input_shape, device=device_of(module)))
        except Exception:  # raised by the module or by the counter
            return None


def macs_in_torch(module: nn.Module, images: Tensor) -> int | None:
    """From torch's own counter; None if module runs, but not under that counter."""
    try:
        return flops(module, images)
    except Exception:  # raised by the module or by the counter
        module(images)
        return None


def flops(module: nn.Module, images: Tensor) -> int:
    """Multiply-adds; torch counts each as two operations."""
    counter = FlopCounterMode(display=False, custom_mapping=TORCH_LACKS)
    with counter:
        module(images)
    return int(counter.get_total_flops()) // 2


def deformable_flops(
    x: list[int], weight: list[int], *rest: Any, out_shape: list[int], **options: Any
) -> int:
    return 2 * prod(out_shape) * prod(weight[1:])


def matrix_flops(*shapes: list[int], out_shape: list[int], **options: Any) -> int:
    """A matrix times a vector; in addmv the matrix comes after the summand."""
    return 2 * prod(next(shape for shape in shapes if len(shape) == 2))


def dot_flops(left: list[int], right: list[int], **options: Any) -> int:
    return 2 * prod(left)


def added_batches_flops(
    added: list[int], left: list[int], right: list[int], **options: Any
) -> int:
    return 2 * prod(left) * right[-1]


TORCH_LACKS = {
    torch.ops.aten.mv: matrix_flops,
    torch.ops.aten.addmv: matrix_flops,
    torch.ops.aten.dot: dot_flops,
    torch.ops.aten.vdot: dot_flops,
    torch.ops.aten.addbmm: added_batches_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: sdpa_flop,
    torch.ops.torchvision.deform_conv2d: deformable_flops,
}


def parameters(module: nn.Module) -> int:
    """A lazy module that has never run has none yet."""
    return sum(
        parameter.numel()
        for parameter in module.parameters()
        if not isinstance(parameter, UninitializedParameter)
    )
