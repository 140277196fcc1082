"""Checks what every block promises: (B, C, H, W) -> (B, C, H, W), its input unchanged."""

from functools import cache, lru_cache
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.attention.base import Evaluation
from ablations.blocks import create_attention, is_ours
from ablations.errors import InputError
from ablations.own_code import OWN_SECONDS, own_errors
from ablations.passes import default_dtype, on_meta, plain_operators
from ablations.time_limit import at_most
from ablations.wrappers import without_start

SMALL = 64 * 64  # positions up to which a block is run rather than traced without values
LARGEST_RUN = 1100 * 1100  # positions of the largest input that is run

Size = tuple[int, int]  # height and width


class LoneBlock(NamedTuple):
    """A block for a number of channels, without a model around it."""

    block: str
    channels: int
    evaluation: Evaluation

    def real(self) -> nn.Module:
        """The block as it would be trained; do not modify it."""
        return real_block(self)

    def meta(self) -> nn.Module:
        """The block without values; do not modify it."""
        return meta_block(self)

    def input_shape(self, size: Size) -> tuple[int, int, int, int]:
        return 1, self.channels, *size


@lru_cache(maxsize=4)
def real_block(lone: LoneBlock) -> nn.Module:
    """The block in float32 with the same values every time, whatever happens around it."""
    with torch.random.fork_rng(devices=[]), default_dtype(torch.float32):
        torch.manual_seed(0)
        return create_attention(*lone).eval()


@cache
def meta_block(lone: LoneBlock) -> nn.Module:
    return on_meta(lone.real())


@cache
def check_block(block: str, channels: int, size: Size) -> None:
    """InputError for a block that cannot be built or breaks what blocks promise.

    The blocks of this suite are not run here: tests check them. A block with a start is
    checked without it, since adding x could hide an output of a wrong shape.
    """
    block = without_start(block)
    module = LoneBlock(block, channels, "direct").real()
    if is_ours(block):
        return
    where = f"block {block!r} on {channels} channels of {size[0]}x{size[1]}"
    shape = (1, channels, *size)
    if prod(size) > SMALL and keeps_on_meta(module, shape):
        return
    if prod(size) > LARGEST_RUN:
        raise InputError(
            f"{where} can only be checked by a run, which is limited to "
            f"{LARGEST_RUN:,} positions"
        )
    with own_errors(f"{where} fails"):
        problem = violation_in_run(module, shape)
    if problem:
        raise InputError(f"{where} {problem}")


def keeps_on_meta(module: nn.Module, shape: tuple[int, ...]) -> bool:
    """Checks without values, and so without memory; False also if that is impossible."""
    x = torch.empty(shape, device="meta")
    try:
        with at_most(OWN_SECONDS, "a pass"), torch.no_grad(), plain_operators():
            output = on_meta(module)(x)
    except Exception:  # it may need values
        return False
    return not violation(x, output) and x._version == 0


def violation_in_run(module: nn.Module, shape: tuple[int, ...]) -> str:
    """What a block does wrong with random values; empty if nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        x = torch.randn(shape)
        before = x.clone()
        with at_most(OWN_SECONDS, "a pass"), torch.no_grad(), plain_operators():
            output = module(x)
    if problem := violation(x, output):
        return problem
    unchanged = torch.equal(x, before)
    return "" if unchanged else "changes its input in place, which other layers read too"


def violation(x: Tensor, output: object) -> str:
    """What is wrong with the output of a block for x; empty if nothing is."""
    if not isinstance(output, Tensor):
        return f"returns {type(output).__name__}, but must return one tensor"
    if output.shape != x.shape:
        return (
            f"returns {shape_of(output)} for an input of {shape_of(x)}; they must be equal"
        )
    if output.dtype != x.dtype:
        return f"returns {name_of(output.dtype)} for an input of {name_of(x.dtype)}"
    if output.device != x.device:
        return f"returns a tensor on {output.device} for an input on {x.device}"
    return ""


def shape_of(tensor: Tensor) -> str:
    return "x".join(str(side) for side in tensor.shape) or "a single number"


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
