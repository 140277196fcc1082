"""The attention blocks under comparison, in the order tables list them.

To add a block, write its file and add one line to BLOCKS. The contract tests in
tests/test_attention.py, the tables and the plots follow from that line; CONTRIBUTING.md
lists what else a block of the suite needs.
A block of your own needs no line: name it by import path, my_package.my_file:MyBlock.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import nn

from ablations.attention.base import AttentionBlock, Evaluation, NoAttention
from ablations.attention.cbam import CBAM
from ablations.attention.dual_attention import DualAttention
from ablations.attention.efficient_attention import EfficientAttention
from ablations.attention.global_context import GlobalContext
from ablations.attention.non_local import NonLocal
from ablations.attention.non_local_code import ReleasedNonLocal
from ablations.attention.polarized import (
    ChannelPSA,
    ParallelPSA,
    SequentialPSA,
    SpatialPSA,
)
from ablations.attention.polarized_code import ReleasedParallelPSA, ReleasedSequentialPSA
from ablations.attention.reading_note import (
    ExcitedSpatialAttention,
    SpatialAwareChannelAttention,
)
from ablations.attention.squeeze_excitation import SqueezeExcitation
from ablations.errors import InputError, unknown_name
from ablations.own_code import OWN_SECONDS, load_object, own_errors
from ablations.time_limit import at_most


class Block(NamedTuple):
    """How to build a block, how tables name it, and which paper defines it."""

    build: Callable[[int], nn.Module]
    label: str
    arxiv: str | None


BLOCKS = {
    "none": Block(NoAttention, "Baseline", None),
    "se": Block(SqueezeExcitation, "SE", "1709.01507"),
    "se_r4": Block(partial(SqueezeExcitation, ratio=4), "SE (r 4)", "1709.01507"),
    "gc": Block(GlobalContext, "GC", "1904.11492"),
    "gc_r16": Block(partial(GlobalContext, ratio=16), "GC (r 16)", "1904.11492"),
    "cbam": Block(CBAM, "CBAM", "1807.06521"),
    "non_local": Block(NonLocal, "NL", "1711.07971"),
    "non_local_code": Block(ReleasedNonLocal, "NL, code", "1711.07971"),
    "da": Block(DualAttention, "DA", "1809.02983"),
    "ea": Block(EfficientAttention, "EA", "1812.01243"),
    "ea_h8": Block(partial(EfficientAttention, heads=8), "EA (8 heads)", "1812.01243"),
    "psa_channel": Block(ChannelPSA, "PSA (channel only)", "2107.00782"),
    "psa_spatial": Block(SpatialPSA, "PSA (spatial only)", "2107.00782"),
    "psa_parallel": Block(ParallelPSA, "PSA (p)", "2107.00782"),
    "psa_sequential": Block(SequentialPSA, "PSA (s)", "2107.00782"),
    "psa_parallel_code": Block(ReleasedParallelPSA, "PSA (p), code", "2107.00782"),
    "psa_sequential_code": Block(ReleasedSequentialPSA, "PSA (s), code", "2107.00782"),
    "note_channel": Block(SpatialAwareChannelAttention, "Note (channel)", None),
    "note_spatial": Block(ExcitedSpatialAttention, "Note (spatial)", None),
}


def create_attention(
    name: str, channels: int, evaluation: Evaluation = "fast"
) -> nn.Module:
    """Build the block called name for feature maps of shape (B, channels, H, W).

    Raises InputError for an unknown name, for channels that the block cannot take, and for
    whatever a user's own block raises.
    """
    build = find_block(name).build
    if name in BLOCKS:
        try:
            return set_evaluation(build(channels), evaluation)
        except InputError as error:
            raise InputError(f"block {name!r}: {error}") from None
    with (
        own_errors(f"block {name!r} cannot be built for {channels} channels"),
        at_most(OWN_SECONDS, "its constructor"),
    ):
        module = build(channels)
        if not isinstance(module, nn.Module):
            raise InputError(
                f"called with a number of channels, it returns {type(module).__name__}, "
                "but must return an nn.Module"
            )
    return set_evaluation(module, evaluation)


def set_evaluation(module: nn.Module, evaluation: Evaluation) -> nn.Module:
    """Switch every block inside module; parameters and results stay the same."""
    for part in module.modules():
        if isinstance(part, AttentionBlock):
            part.evaluation = evaluation
    return module


def find_block(name: str) -> Block:
    """The entry for a registry key or an import path my_package.my_file:MyBlock."""
    if ":" not in name:
        if name not in BLOCKS:
            raise unknown_name("block", name, BLOCKS)
        return BLOCKS[name]
    build = load_object("block", name)
    if not callable(build):
        raise InputError(
            f"block {name!r} is {type(build).__name__}, but must be a class or a function "
            "that returns an nn.Module for a number of channels"
        )
    return Block(build, name, None)
