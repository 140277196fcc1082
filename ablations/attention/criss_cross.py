"""Criss-cross attention: every position attends to its column and its row.

Huang, Wang, Wei, Huang, Shi, Liu and Huang, "CCNet: Criss-Cross Attention for Semantic
Segmentation", https://arxiv.org/abs/1811.11721, Sections 3.2 and 3.3. It is applied twice
with the same parameters, so that every position hears from every other.

A position is in its own column and in its own row. It is counted once, as in the paper
(H + W - 1 weights): the released code (https://github.com/speedinghzl/CCNet) puts -inf on
the diagonal of the columns' scores, and so does this block. Also as in that code, and not
in the paper's equations, a gain that starts at zero weighs the context. The convolutions
around the block belong to that network's head and are not part of it.

Shapes: B batch, C channels, R = C // 8 reduced channels, N = H * W positions.
"""

import torch
from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels
from ablations.errors import InputError


class CrissCrossAttention(AttentionBlock):
    """The weighted mean of column and row is added to each position, recurrence times."""

    def __init__(self, channels: int, recurrence: int = 2) -> None:
        super().__init__()
        if recurrence < 1:
            raise InputError(f"recurrence = {recurrence} must be at least 1")
        reduced = reduce_channels(channels, 8)
        self.recurrence = recurrence
        self.query = nn.Conv2d(channels, reduced, kernel_size=1)
        self.key = nn.Conv2d(channels, reduced, kernel_size=1)
        self.value = nn.Conv2d(channels, channels, kernel_size=1)
        self.gain = nn.Parameter(torch.zeros(1))

    def direct(self, x: Tensor) -> Tensor:
        for _ in range(self.recurrence):
            x = self.gain * self.context(x) + x
        return x

    def context(self, x: Tensor) -> Tensor:
        value = self.value(x).permute(0, 2, 3, 1)  # (B, H, W, C)
        weights = self.weights(x)  # (B, H, W, H + W)
        column, row = torch.split(weights, [*x.shape[2:]], dim=-1)  # (B, H, W, H or W)
        from_column = column.transpose(1, 2) @ value.transpose(1, 2)  # (B, W, H, C)
        context: Tensor = from_column.transpose(1, 2) + row @ value  # (B, H, W, C)
        return context.permute(0, 3, 1, 2)  # (B, C, H, W)

    def weights(self, x: Tensor) -> Tensor:
        query = self.query(x).permute(0, 2, 3, 1)  # (B, H, W, R)
        key = self.key(x).permute(0, 2, 3, 1)
        column = query.transpose(1, 2) @ key.permute(0, 2, 3, 1)  # (B, W, H, H)
        itself = torch.eye(x.shape[2], dtype=torch.bool, device=x.device)
        column = column.masked_fill(itself, -torch.inf).transpose(1, 2)  # (B, H, W, H)
        row = query @ key.transpose(2, 3)  # (B, H, W, W)
        return torch.cat([column, row], dim=-1).softmax(dim=-1)  # (B, H, W, H + W)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels, positions = *self.query.weight.shape[:2], height * width
        weights = channels * (channels + 2 * reduced)
        products = (height + width) * (channels + reduced)
        macs = self.recurrence * (weights + products) * positions
        return ClosedForm(weights + channels + 2 * reduced + 1, macs)
