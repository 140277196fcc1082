"""Direct against fast: time, memory and operations of one block at one size.

The yardstick is a plain `x * c` of the same size in the same run: it reads x once and
writes it once. A block that pools over x before it weighs x must read x twice, so its
bound is one and a half times that.
"""

import platform
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ablations.attention.base import EVALUATIONS, Evaluation
from ablations.benchmark.memory import bytes_for_backward, peak_memory
from ablations.benchmark.timing import interleaved
from ablations.blocks import create_attention
from ablations.complexity.any_resolution import cost_at
from ablations.complexity.cost import figure
from ablations.complexity.counters import measure
from ablations.contract import LoneBlock, check_block
from ablations.controls import resolve
from ablations.errors import InputError, first_line
from ablations.threads import on_threads

PASSES = 3 / 2  # of the bound, in units of x * c

Shape = tuple[int, int, int, int]
Functions = dict[str, Callable[[], object]]


class Case(NamedTuple):
    """One comparison."""

    block: str
    shape: Shape  # (B, C, H, W)
    dtype: str  # torch's name


def bench(
    cases: Sequence[Case],
    device: torch.device,
    threads: int,
    rounds: int,
    compiled: bool = False,
) -> Iterator[dict[str, Any]]:
    """One row of numbers per case, in base units; seconds are medians.

    compiled: also time direct after torch.compile.
    """
    with on_threads(threads):
        for case in cases:
            with named_errors(f"{case.block} at {by(case.shape)}, {case.dtype}"):
                row = bench_case(case, device, threads, rounds, compiled)
            yield row


def bench_case(
    case: Case, device: torch.device, threads: int, rounds: int, compiled: bool
) -> dict[str, Any]:
    block = resolve(case.block, case.shape[1], case.shape[2:])
    check_block(block, case.shape[1], case.shape[2:])
    torch.manual_seed(0)
    dtype = getattr(torch, case.dtype)
    x = torch.randn(case.shape, dtype=dtype, device=device)
    factor = torch.rand(1, case.shape[1], 1, 1, dtype=dtype, device=device)
    modules = evaluations_of(case._replace(block=block), device)
    candidates: dict[str, Any] = {str(name): module for name, module in modules.items()}
    if compiled:
        candidates["compiled"] = torch.compile(modules["direct"], dynamic=False)
    forward: Functions = {"multiply": lambda: x * factor}
    forward |= {name: forward_of(module, x) for name, module in candidates.items()}
    steps: Functions = {name: step_of(module, x) for name, module in candidates.items()}
    row: dict[str, Any] = {
        "block": case.block,
        "shape": by(case.shape),
        "dtype": case.dtype,
        "threads": threads,
        "bytes": 3 * x.nbytes,
    }
    row |= seconds_of(forward, "forward", threads, rounds)
    row |= seconds_of(steps, "step", threads, rounds)
    for name, module in modules.items():
        row[f"{name}_peak"] = peak_memory(steps[name], device)
        row[f"{name}_kept"] = bytes_for_backward(module, x.clone().requires_grad_())
        lone = LoneBlock(block, case.shape[1], name)
        row[f"{name}_macs"] = figure(cost_at(lone, case.shape[2:]))
    row["bound_share"] = PASSES * row["multiply_forward"] / row["fast_forward"]
    return row


def by(shape: Shape) -> str:
    """As in 1x512x64x64."""
    return "x".join(map(str, shape))


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


def seconds_of(
    functions: Functions, what: str, threads: int, rounds: int
) -> dict[str, float]:
    """Medians and interquartile ranges, as columns."""
    columns = {}
    for name, latency in interleaved(functions, threads, rounds).items():
        columns[f"{name}_{what}"] = latency.median
        columns[f"{name}_{what}_iqr"] = latency.upper - latency.lower
    return columns


def model_cases(block: str) -> list[tuple[str, Evaluation]]:
    """What a model is timed with: nothing, the direct block, the fast block."""
    return [("none", "direct"), (block, "direct"), (block, "fast")]


def bench_model(
    cases: Iterable[tuple[str, Evaluation]],
    network: Callable[[str, Evaluation], nn.Module],
    shape: Shape,
    device: torch.device,
    threads: int,
    rounds: int,
) -> Iterator[dict[str, Any]]:
    """A training step of a whole model with each block and evaluation.

    network builds the model for them; shape is that of the images.
    """
    with on_threads(threads):
        for block, evaluation in cases:
            with named_errors(f"a model with {block} at {by(shape)}"):
                torch.manual_seed(0)
                module = network(block, evaluation).to(device)
                images = torch.randn(shape, device=device)
                numbers = step_numbers(module, images, threads, rounds)
            yield {"block": block, "evaluation": evaluation} | numbers


def step_numbers(
    module: nn.Module, images: Tensor, threads: int, rounds: int
) -> dict[str, Any]:
    """The MACs for one image; time and memory of a training step, as columns."""
    macs = figure(measure(module, (1, *images.shape[1:])))
    step = step_of(module.train(), images)
    latency = interleaved({"step": step}, threads, rounds)["step"]
    return {
        "macs": macs,
        "step": latency.median,
        "step_iqr": latency.upper - latency.lower,
        "peak": peak_memory(step, images.device),
    }


@contextmanager
def named_errors(what: str) -> Iterator[None]:
    """Turn any error, such as running out of memory, into one line that names what."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{what}: {first_line(error)}") from error


def find_device(name: str | None) -> torch.device:
    """None: cuda if available, else cpu. InputError if this machine lacks the device."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError(
            "--device cuda: torch finds no CUDA device on this machine; use cpu"
        )
    return torch.device(name or ("cuda" if available else "cpu"))


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
    with torch.no_grad():
        cotangent = torch.randn_like(module(x))
    return lambda: torch.autograd.grad(module(x), inputs, cotangent, allow_unused=True)


def device_name(device: torch.device) -> str:
    """The name of the hardware, if it reports one."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = re.search(r"model name\s*: (.*)", read_or_empty(Path("/proc/cpuinfo")))
    return model[1] if model else platform.processor() or platform.machine()


def read_or_empty(path: Path) -> str:
    return path.read_text() if path.exists() else ""
