"""A gate around any block, closed at initialisation: the network begins as the bare one.

y = x + g * (block(x) - x), with one scalar g that is learned from 0. At g = 0 the block is
not in the function, and its own parameters get a gradient once g has moved.

The zero start is that of ReZero: Bachlechner et al., "ReZero is All You Need: Fast
Convergence at Large Depth", https://arxiv.org/abs/2003.04887. There the gate scales a
residual branch; here it moves from x to the block's output, which it reaches at g = 1.

A block that returns inf or NaN makes y NaN, also at g = 0.
"""

import torch
from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm


class IdentityStart(AttentionBlock):
    """A block behind a gate; its evaluation is that of the block."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block
        self.gate = nn.Parameter(torch.zeros(()))  # no dimension, so it keeps x's dtype

    def direct(self, x: Tensor) -> Tensor:
        change: Tensor = self.block(x) - x
        return x + self.gate * change

    def closed_form(self, height: int, width: int) -> ClosedForm:
        if not isinstance(self.block, AttentionBlock):
            raise NotImplementedError
        return self.block.closed_form(height, width) + ClosedForm(params=1, macs=0)
