"""Direct against fast: time, memory and operations of one block at one size.

The yardstick is a plain `x * c` of the same size in the same run: it reads x once and
writes it once. A block that pools over x before it weighs x must read x twice, so its
bound is one and a half times that.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from pandas import DataFrame
from torch import Tensor, nn

from ablations.attention import create_attention
from ablations.attention.base import AttentionBlock, Evaluation
from ablations.complexity.latency import interleaved
from ablations.complexity.memory import kept_for_backward, peak_memory

EVALUATIONS: tuple[Evaluation, ...] = ("direct", "fast")
PASSES = 3 / 2  # of the bound, in units of x * c

Shape = tuple[int, int, int, int]


class Case(NamedTuple):
    """One comparison."""

    block: str
    shape: Shape  # (B, C, H, W)
    dtype: torch.dtype


def bench(
    cases: Sequence[Case], device: torch.device, threads: int, rounds: int
) -> Iterator[dict[str, Any]]:
    """One row of numbers per case, in base units; seconds are medians."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for case in cases:
            yield bench_case(case, device, threads, rounds)
    finally:
        torch.set_num_threads(before)


def bench_case(
    case: Case, device: torch.device, threads: int, rounds: int
) -> dict[str, Any]:
    torch.manual_seed(0)
    x = torch.randn(case.shape, dtype=case.dtype, device=device)
    factor = torch.rand(1, case.shape[1], 1, 1, dtype=case.dtype, device=device)
    modules = {
        evaluation: create_attention(case.block, case.shape[1], evaluation)
        .to(device, case.dtype)
        .eval()
        for evaluation in EVALUATIONS
    }
    modules["fast"].load_state_dict(modules["direct"].state_dict())
    row: dict[str, Any] = {
        "block": case.block,
        "shape": "x".join(str(side) for side in case.shape),
        "dtype": str(case.dtype).removeprefix("torch."),
        "threads": threads,
        "bytes": 3 * x.nbytes,
    }
    forward: dict[str, Callable[[], object]] = {"multiply": lambda: x * factor}
    forward |= {name: forward_of(module, x) for name, module in modules.items()}
    for name, latency in interleaved(forward, threads, rounds).items():
        row |= {f"{name}_forward": latency.median}
        row |= {f"{name}_forward_iqr": latency.upper - latency.lower}
    steps: dict[str, Callable[[], object]] = {
        name: step_of(module, x) for name, module in modules.items()
    }
    for name, latency in interleaved(steps, threads, rounds).items():
        row |= {f"{name}_step": latency.median}
        row |= {f"{name}_step_iqr": latency.upper - latency.lower}
    for name, module in modules.items():
        row[f"{name}_peak"] = peak_memory(steps[name], device)
        row[f"{name}_kept"] = kept_for_backward(module, x.clone().requires_grad_())
        if isinstance(module, AttentionBlock):
            row[f"{name}_macs"] = module.closed_form(*case.shape[2:]).macs
    row["bound_share"] = PASSES * row["multiply_forward"] / row["fast_forward"]
    return row


def forward_of(module: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    @torch.no_grad()
    def forward() -> Tensor:
        output: Tensor = module(x)
        return output

    return forward


def step_of(module: nn.Module, x: Tensor) -> Callable[[], object]:
    """Forward and backward, with gradients of the input and of every parameter."""
    x = x.clone().requires_grad_()
    inputs = [x, *module.parameters()]
    cotangent = torch.randn_like(x)
    return lambda: torch.autograd.grad(module(x), inputs, cotangent, allow_unused=True)


def as_table(rows: list[dict[str, Any]]) -> DataFrame:
    """With the gain of fast over direct in time."""
    table = DataFrame(rows)
    table["forward_ratio"] = table["direct_forward"] / table["fast_forward"]
    table["step_ratio"] = table["direct_step"] / table["fast_step"]
    return table
