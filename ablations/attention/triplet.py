"""Triplet attention: weights for each pair of the axes C, H and W.

Misra, Nalamada, Arasanipalai and Hou, "Rotate to Attend: Convolutional Triplet Attention
Module", https://arxiv.org/abs/2010.03045, Section 3.

As in the released code (https://github.com/landskape-ai/triplet-attention), the batch
norms have momentum 0.01 and the convolutions no bias.

Shapes: B batch, C channels; in a gate the axes behind the batch are in any order.
"""

import torch
from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm
from ablations.attention.fast.maxima import largest
from ablations.errors import InputError


class Gate(nn.Module):
    """Weights (B, 1, I, J) from maximum and mean over an image's first axis."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=padding, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.stack([largest(x, dim=1), x.mean(dim=1)], dim=1)  # (B, 2, I, J)
        scores: Tensor = self.norm(self.conv(pooled))  # (B, 1, I, J)
        return scores.sigmoid()


class TripletAttention(AttentionBlock):
    """The mean of x weighted over (C, W), over (C, H) and over (H, W)."""

    def __init__(self, channels: int, kernel_size: int = 7) -> None:
        super().__init__()
        self.channels = channels
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise InputError(f"kernel_size = {kernel_size} must be odd and positive")
        self.height = Gate(kernel_size)  # each named after the axis that it pools
        self.width = Gate(kernel_size)
        self.channel = Gate(kernel_size)

    def direct(self, x: Tensor) -> Tensor:
        height = self.height(x.transpose(1, 2)).transpose(1, 2)  # (B, C, 1, W)
        width = self.width(x.transpose(1, 3)).transpose(1, 3)  # (B, C, H, 1)
        y: Tensor = x * height + x * width + x * self.channel(x)  # (B, C, H, W)
        return y / 3

    def closed_form(self, height: int, width: int) -> ClosedForm:
        kernel = self.channel.conv.weight.numel()
        pairs = height * width + self.channels * (height + width)
        return ClosedForm(3 * (kernel + 2), kernel * pairs)
