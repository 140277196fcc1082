"""The attention blocks under comparison, in the order tables list them.

To add a block, write its file and add one line to BLOCKS. The contract tests in
tests/test_attention.py, the tables and the plots follow from that line; CONTRIBUTING.md
lists what else a block of the suite needs.
A block of your own needs no line: name it by import path, my_package.my_file:MyBlock.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from ablations.attention.base import NoAttention
from ablations.attention.bottleneck import Bottleneck
from ablations.attention.cbam import CBAM
from ablations.attention.coordinate import CoordinateAttention
from ablations.attention.criss_cross import CrissCrossAttention
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
from ablations.attention.simam import SimAM
from ablations.attention.squeeze_excitation import SqueezeExcitation
from ablations.attention.triplet import TripletAttention


class Block(NamedTuple):
    """How to build a block, how tables name it, and which paper defines it."""

    build: Callable[..., nn.Module]  # of a number of channels and the block's options
    label: str
    arxiv: str | None


BLOCKS = {
    "none": Block(NoAttention, "Baseline", None),
    "se": Block(SqueezeExcitation, "SE", "1709.01507"),
    "gc": Block(GlobalContext, "GC", "1904.11492"),
    "cbam": Block(CBAM, "CBAM", "1807.06521"),
    "non_local": Block(NonLocal, "NL", "1711.07971"),
    "non_local_code": Block(ReleasedNonLocal, "NL, code", "1711.07971"),
    "da": Block(DualAttention, "DA", "1809.02983"),
    "ea": Block(EfficientAttention, "EA", "1812.01243"),
    "criss_cross": Block(CrissCrossAttention, "CC", "1811.11721"),
    "coordinate": Block(CoordinateAttention, "CA", "2103.02907"),
    "simam": Block(SimAM, "SimAM", None),
    "triplet": Block(TripletAttention, "Triplet", "2010.03045"),
    "psa_channel": Block(ChannelPSA, "PSA (channel only)", "2107.00782"),
    "psa_spatial": Block(SpatialPSA, "PSA (spatial only)", "2107.00782"),
    "psa_parallel": Block(ParallelPSA, "PSA (p)", "2107.00782"),
    "psa_sequential": Block(SequentialPSA, "PSA (s)", "2107.00782"),
    "psa_parallel_code": Block(ReleasedParallelPSA, "PSA (p), code", "2107.00782"),
    "psa_sequential_code": Block(ReleasedSequentialPSA, "PSA (s), code", "2107.00782"),
    "note_channel": Block(SpatialAwareChannelAttention, "Note (channel)", None),
    "note_spatial": Block(ExcitedSpatialAttention, "Note (spatial)", None),
}

# What controls are built of. It is from no paper, so tables of every block leave it out.
PLAIN_BLOCKS = {"bottleneck": Block(Bottleneck, "Bottleneck", None)}
