"""Direct against fast: time, memory and operations of one block at one size.

The yardstick is a plain `x * c` of the same size in the same run: it reads x once and
writes it once. A block that pools over x before it weighs x must read x twice, so its
bound is one and a half times that.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from ablations.attention.base import EVALUATIONS, Evaluation
from ablations.benchmark.candidates import (
    Candidate,
    Effort,
    able,
    measure_memory,
    time_together,
)
from ablations.benchmark.cases import Case, by
from ablations.benchmark.memory import bytes_for_backward
from ablations.blocks import create_attention
from ablations.complexity.any_resolution import cost_at
from ablations.complexity.cost import figure
from ablations.contract import LoneBlock, check_block
from ablations.controls import resolve
from ablations.errors import InputError, first_line, named_errors
from ablations.memory import refuse_beyond_free
from ablations.threads import on_threads

PASSES = 3 / 2  # of the bound, in units of x * c

Row = dict[str, Any]


class Multiply(nn.Module):
    """The yardstick."""

    factor: Tensor

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        factor = torch.rand(1, x.shape[1], 1, 1, dtype=x.dtype, device=x.device)
        self.register_buffer("factor", factor)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def bench_case(case: Case, effort: Effort, compiled: bool = False) -> Row:
    """One row of numbers in base units; seconds are medians.

    A number that could not be measured is absent, and direct_problem, fast_problem or
    compiled_problem says why. Raises InputError for a block that cannot be built.
    compiled: also time direct after torch.compile.
    """
    block = resolve(case.block, case.shape[1], case.shape[2:])
    check_block(block, case.shape[1], case.shape[2:])
    check_input(case, effort)
    with on_threads(effort.threads), named_errors(case.text):
        return head(case, effort) | measured(case._replace(block=block), effort, compiled)


def check_input(case: Case, effort: Effort) -> None:
    """InputError if the inputs alone would fill the memory: x, and for steps its copies."""
    size = prod(case.shape) * getattr(torch, case.dtype).itemsize
    copies = 1 + 2 * len(EVALUATIONS)  # a step has its own x, and a gradient of its output
    refuse_beyond_free(f"the input of {case.text}", copies * size, effort.device)


def head(case: Case, effort: Effort) -> Row:
    return {
        "block": case.block,
        "image": case.image,
        "stage": case.stage,
        "shape": by(case.shape),
        "dtype": case.dtype,
        "threads": effort.threads,
    }


def unbuilt(case: Case, effort: Effort, error: InputError) -> Row:
    """The row of a block that cannot be built for this shape."""
    return head(case, effort) | {f"{name}_problem": str(error) for name in EVALUATIONS}


def is_unbuilt(row: Row) -> bool:
    return "bytes" not in row


def measured(case: Case, effort: Effort, compiled: bool) -> Row:
    torch.manual_seed(0)
    dtype = getattr(torch, case.dtype)
    x = torch.randn(case.shape, dtype=dtype, device=effort.device)
    row: Row = {"bytes": 3 * x.nbytes}
    candidates = candidates_of(case, effort.device, row, compiled)
    yardstick = Candidate("multiply", Multiply(x))
    time_together([yardstick, *candidates], "forward", x, effort)
    time_together(candidates, "step", x, effort)
    for candidate in able(candidates):
        if candidate.compiles:
            continue
        measure_memory(candidate, x)
        with candidate.attempt("memory kept for the backward pass"):
            kept = bytes_for_backward(candidate.module, x.clone().requires_grad_())
            candidate.figures["kept"] = kept
    for candidate in (yardstick, *candidates):
        row |= {f"{candidate.name}_{what}": n for what, n in candidate.figures.items()}
        row[f"{candidate.name}_problem"] = candidate.problem
    if not (yardstick.problem or "fast_forward" not in row):
        row["bound_share"] = PASSES * row["multiply_forward"] / row["fast_forward"]
    return row


def candidates_of(
    case: Case, device: torch.device, row: Row, compiled: bool
) -> Sequence[Candidate]:
    """The block in each evaluation; their multiply-adds for one image go into row."""
    candidates = []
    for name, module in evaluations_of(case, device).items():
        macs = row[f"{name}_macs"] = macs_of(case, name)
        of_batch = case.shape[0] * macs if isinstance(macs, int) else None
        candidates.append(Candidate(name, module, of_batch))
    if compiled:
        candidates.append(Candidate("compiled", candidates[0].module, compiles=True))
    return candidates


def macs_of(case: Case, evaluation: Evaluation) -> int | str:
    """For one image; a text if they are not counted."""
    try:
        lone = LoneBlock(case.block, case.shape[1], evaluation)
        return figure(cost_at(lone, case.shape[2:]))
    except Exception as error:  # anything a user's module may raise
        return f"not counted: {first_line(error)}"


def evaluations_of(case: Case, device: torch.device) -> dict[Evaluation, nn.Module]:
    """The block in both evaluations, with the same parameters."""
    dtype = getattr(torch, case.dtype)
    modules: dict[Evaluation, nn.Module] = {
        evaluation: create_attention(case.block, case.shape[1], evaluation)
        .to(device, dtype)
        .eval()
        for evaluation in EVALUATIONS
    }
    modules["fast"].load_state_dict(modules["direct"].state_dict())
    return modules
