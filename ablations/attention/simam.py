"""SimAM: a weight for every entry, without parameters.

Yang, Zhang, Li and Xie, "SimAM: A Simple, Parameter-Free Attention Module for
Convolutional Neural Networks", ICML 2021,
https://proceedings.mlr.press/v139/yang21o.html, Equation 5 and the code in Figure 3.

As in that code, the variance divides by N - 1; the equation's divides by N. Of a single
position, where N - 1 = 0, the variance here is 0.

Shapes: B batch, C channels, N = H * W positions.
"""

from torch import Tensor

from ablations.attention.base import AttentionBlock, ClosedForm
from ablations.errors import InputError


class SimAM(AttentionBlock):
    """The farther an entry is from the mean of its channel, the larger its weight."""

    def __init__(self, channels: int, regularisation: float = 1e-4) -> None:
        super().__init__()
        if regularisation <= 0:
            raise InputError(f"regularisation = {regularisation} must be positive")
        self.regularisation = regularisation

    def direct(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        square = (x - x.mean(dim=(2, 3), keepdim=True)).square()  # (B, C, H, W)
        total = square.sum(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
        variance = total / max(1, height * width - 1)
        energy = square / (4 * (variance + self.regularisation)) + 0.5  # (B, C, H, W)
        return x * energy.sigmoid()

    def closed_form(self, height: int, width: int) -> ClosedForm:
        return ClosedForm(params=0, macs=0)
