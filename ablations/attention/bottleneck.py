"""A plain residual bottleneck of 1x1 convolutions: computation without attention.

y = x + W2 relu(W1 x), with W1 of width x C and W2 of C x width, without biases or norms.
Controls are built of it, see ablations/controls.py; it is from no paper.

Shapes: B batch, C channels, R = width, N = H * W positions.
"""

from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm
from ablations.errors import InputError

WIDEST = 2**20


class Bottleneck(AttentionBlock):
    """Each position is treated alone; width is the number of hidden channels."""

    def __init__(self, channels: int, width: int = 0) -> None:
        super().__init__()
        if not 1 <= width <= WIDEST:
            raise InputError(
                f"width = {width}: a bottleneck needs a width from 1 to {WIDEST:,}, as in "
                "bottleneck(width=64)"
            )
        self.reduce = nn.Conv2d(channels, width, kernel_size=1, bias=False)
        self.expand = nn.Conv2d(width, channels, kernel_size=1, bias=False)

    def direct(self, x: Tensor) -> Tensor:
        hidden = self.reduce(x).relu()  # (B, R, H, W)
        change: Tensor = self.expand(hidden)  # (B, C, H, W)
        return x + change

    def closed_form(self, height: int, width: int) -> ClosedForm:
        hidden, channels = self.reduce.weight.shape[:2]
        params = 2 * channels * hidden
        return ClosedForm(params, params * height * width)
