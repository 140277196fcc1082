"""Polarized self-attention as its authors released it (PSA, code).

https://github.com/DeLightCMU/PSA, semantic-segmentation/network/PSA.py, classes PSA_p
and PSA_s. The published parameter counts follow this code. It departs from Figure 2 of
the paper (polarized.py), and its two layouts depart from each other:

            norm before the channel gate    softmax of the spatial branch
  parallel  none                            over positions, of the product
  sequential  in a bottleneck, with ReLU    over positions, of the value
  Figure 2  LayerNorm over C                over channels, of the pooled query

The first four convolutions have no bias and start with Kaiming's normal distribution.

Shapes: B batch, C channels, R = C // 2 reduced channels, N = H * W positions.
"""

from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels


class ReleasedPSA(AttentionBlock):
    """The convolutions that both released layouts share; expand is their own."""

    expand: nn.Module

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels, self.reduced = channels, reduce_channels(channels, 2)
        self.channel_query = self.convolution(1)
        self.channel_value = self.convolution(self.reduced)
        self.spatial_query = self.convolution(self.reduced)
        self.spatial_value = self.convolution(self.reduced)

    def convolution(self, width: int) -> nn.Conv2d:
        convolution = nn.Conv2d(self.channels, width, kernel_size=1, bias=False)
        nn.init.kaiming_normal_(convolution.weight)
        return convolution

    def channel_weights(self, x: Tensor) -> Tensor:
        query = self.channel_query(x).flatten(2).softmax(dim=-1)  # (B, 1, N)
        value = self.channel_value(x).flatten(2)  # (B, R, N)
        context = value @ query.transpose(1, 2)  # (B, R, 1)
        scores: Tensor = self.expand(context.unsqueeze(-1))  # (B, C, 1, 1)
        return scores.sigmoid()

    def closed_form(self, height: int, width: int) -> ClosedForm:
        """The shared part; a layout adds its own."""
        convolutions = self.channels * (3 * self.reduced + 1)
        products = 2 * self.reduced
        return ClosedForm(convolutions, (convolutions + products) * height * width)


class ReleasedParallelPSA(ReleasedPSA):
    """PSA_p: both branches weigh the input; the two results are added."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.expand = nn.Conv2d(self.reduced, channels, kernel_size=1, bias=False)

    def direct(self, x: Tensor) -> Tensor:
        return x * self.channel_weights(x) + x * self.spatial_weights(x)

    def spatial_weights(self, x: Tensor) -> Tensor:
        query = self.spatial_query(x).mean(dim=(2, 3))  # (B, R)
        value = self.spatial_value(x).flatten(2)  # (B, R, N)
        scores: Tensor = (query.unsqueeze(1) @ value).softmax(dim=-1)  # (B, 1, N)
        return scores.reshape(len(x), 1, *x.shape[2:]).sigmoid()  # (B, 1, H, W)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        expand = self.channels * self.reduced
        return super().closed_form(height, width) + ClosedForm(expand, expand)


class ReleasedSequentialPSA(ReleasedPSA):
    """PSA_s: the channel branch weighs the input; the spatial branch its result."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        hidden = reduce_channels(channels, 8)
        self.expand = nn.Sequential(
            nn.Conv2d(self.reduced, hidden, kernel_size=1),
            nn.LayerNorm([hidden, 1, 1]),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, kernel_size=1),
        )

    def direct(self, x: Tensor) -> Tensor:
        x = x * self.channel_weights(x)
        return x * self.spatial_weights(x)

    def spatial_weights(self, x: Tensor) -> Tensor:
        query = self.spatial_query(x).mean(dim=(2, 3))  # (B, R)
        value = self.spatial_value(x).flatten(2).softmax(dim=-1)  # (B, R, N)
        scores: Tensor = query.unsqueeze(1) @ value  # (B, 1, N)
        return scores.reshape(len(x), 1, *x.shape[2:]).sigmoid()  # (B, 1, H, W)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        hidden = self.channels // 8
        weights = hidden * (self.reduced + self.channels)
        expand = ClosedForm(weights + 3 * hidden + self.channels, weights)
        return super().closed_form(height, width) + expand
