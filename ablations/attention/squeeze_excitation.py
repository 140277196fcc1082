"""Squeeze-and-excitation block (SE).

Hu, Shen and Sun, "Squeeze-and-Excitation Networks",
https://arxiv.org/abs/1709.01507, Section 3 and Figure 2; ratio 16 by default.

The linear layers have no bias, as in the published counts (2 C^2 / ratio); those of the
released models (https://github.com/hujie-frank/SENet) have biases.

Shapes: B batch, C channels, R = C // ratio reduced channels, N = H * W positions.
"""

from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels


class SqueezeExcitation(AttentionBlock):
    """One weight in (0, 1) per channel, from the mean over all positions."""

    def __init__(self, channels: int, ratio: int = 16) -> None:
        super().__init__()
        reduced = reduce_channels(channels, ratio)
        self.reduce = nn.Linear(channels, reduced, bias=False)
        self.expand = nn.Linear(reduced, channels, bias=False)

    def direct(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3))  # (B, C)
        hidden = self.reduce(pooled).relu()  # (B, R)
        weights: Tensor = self.expand(hidden).sigmoid()  # (B, C)
        return x * weights[:, :, None, None]  # (B, C, H, W)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels = self.reduce.weight.shape
        return ClosedForm(params=2 * channels * reduced, macs=2 * channels * reduced)
