"""Coordinate attention: weights for each row and for each column, of every channel.

Hou, Zhou and Feng, "Coordinate Attention for Efficient Mobile Network Design",
https://arxiv.org/abs/2103.02907, Section 3.2 and Figure 2(c).

As in the released code (https://github.com/houqb/CoordAttention): the non-linearity is
the hard swish, convolutions have biases, and R = C // 32 rounded down, but at least 8.
(timm's `coord` has R = C / 24 rounded to a multiple of 8, and no biases.)

Shapes: B batch, C channels, R = max(8, C // ratio) reduced channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ablations.attention.base import AttentionBlock, ClosedForm
from ablations.errors import InputError


class CoordinateAttention(AttentionBlock):
    """x times row weights times column weights, from means over rows and columns."""

    def __init__(self, channels: int, ratio: int = 32) -> None:
        super().__init__()
        if ratio < 1:
            raise InputError(f"ratio = {ratio} must be at least 1")
        reduced = max(8, channels // ratio)
        self.reduce = nn.Conv2d(channels, reduced, kernel_size=1)
        self.norm = nn.BatchNorm2d(reduced)
        self.row = nn.Conv2d(reduced, channels, kernel_size=1)
        self.column = nn.Conv2d(reduced, channels, kernel_size=1)

    def direct(self, x: Tensor) -> Tensor:
        rows = x.mean(dim=3, keepdim=True)  # (B, C, H, 1)
        columns = x.mean(dim=2, keepdim=True).transpose(2, 3)  # (B, C, W, 1)
        pooled = torch.cat([rows, columns], dim=2)  # (B, C, H + W, 1)
        hidden = F.hardswish(self.norm(self.reduce(pooled)))  # (B, R, H + W, 1)
        rows, columns = torch.split(hidden, [*x.shape[2:]], dim=2)  # (B, R, H or W, 1)
        row: Tensor = self.row(rows).sigmoid()  # (B, C, H, 1)
        column: Tensor = self.column(columns.transpose(2, 3)).sigmoid()  # (B, C, 1, W)
        return x * column * row  # (B, C, H, W)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels = self.reduce.weight.shape[:2]
        weights = channels * reduced
        params = 3 * weights + 2 * channels + 3 * reduced
        return ClosedForm(params, 2 * weights * (height + width))
