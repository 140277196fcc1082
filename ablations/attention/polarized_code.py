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
from torch.nn import functional as F

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels
from ablations.attention.fast import FeatureMap, feature_map
from ablations.attention.fast.pointwise import as_column, matrix_form, pointwise


class ReleasedPSA(AttentionBlock):
    """The convolutions that both released layouts share; each has its own expand."""

    expand: nn.Module

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.reduced = self.reduce(2)
        self.channel_query = self.convolution(1)
        self.channel_value = self.convolution(self.reduced)
        self.spatial_query = self.convolution(self.reduced)
        self.spatial_value = self.convolution(self.reduced)

    def reduce(self, ratio: int) -> int:
        return reduce_channels(self.channels, ratio)

    def convolution(self, width: int) -> nn.Conv2d:
        convolution = nn.Conv2d(self.channels, width, kernel_size=1, bias=False)
        nn.init.kaiming_normal_(convolution.weight)
        return convolution

    def channel_weights(self, x: Tensor) -> Tensor:
        query = self.channel_query(x).flatten(2).softmax(dim=-1)  # (B, 1, N)
        value = self.channel_value(x).flatten(2)  # (B, R, N)
        return self.gate(value @ query.transpose(1, 2))  # (B, C, 1, 1)

    def gate(self, context: Tensor) -> Tensor:
        scores: Tensor = self.expand(context.unsqueeze(-1))  # (B, C, 1, 1)
        return scores.sigmoid()

    def fast_channel_weights(self, features: FeatureMap) -> tuple[Tensor, Tensor]:
        """The channel weights (B, C, 1), and the mean of x (B, 1, C)."""
        pooled, mean = features.attend_and_mean(
            *matrix_form(self.channel_query)
        )  # (B, 1, C)
        context = pointwise(self.channel_value, pooled)  # (B, 1, R)
        return self.gate(as_column(context)).flatten(2), mean


class ReleasedParallelPSA(ReleasedPSA):
    """PSA_p: both branches weigh the input; the two results are added."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.expand = nn.Conv2d(self.reduced, channels, kernel_size=1, bias=False)

    def direct(self, x: Tensor) -> Tensor:
        return x * self.channel_weights(x) + x * self.spatial_weights(x)

    def fast(self, x: Tensor) -> Tensor:
        features = feature_map(x)
        channel, mean = self.fast_channel_weights(features)
        query = pointwise(self.spatial_query, mean)  # (B, 1, R)
        row = query @ self.spatial_value.weight.flatten(1)  # (B, 1, C)
        position = features.sum_channels(row).softmax(dim=-1).sigmoid()  # (B, 1, N)
        return features.times_sum(channel, position)

    def spatial_weights(self, x: Tensor) -> Tensor:
        query = F.adaptive_avg_pool2d(self.spatial_query(x), 1).flatten(1)  # (B, R)
        value = self.spatial_value(x).flatten(2)  # (B, R, N)
        scores: Tensor = (query.unsqueeze(1) @ value).softmax(dim=-1)  # (B, 1, N)
        return scores.reshape(x.shape[0], 1, *x.shape[2:]).sigmoid()  # (B, 1, H, W)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        channels, reduced, positions = self.channels, self.reduced, height * width
        params = 2 * channels * (2 * reduced) + channels
        if self.evaluation == "fast":
            return ClosedForm(params, 4 * channels * (positions + reduced))
        at_each_position = channels * (3 * reduced + 1) + 2 * reduced
        return ClosedForm(params, at_each_position * positions + channels * reduced)


class ReleasedSequentialPSA(ReleasedPSA):
    """PSA_s: the channel branch weighs the input; the spatial branch its result."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        hidden = self.reduce(8)
        self.expand = nn.Sequential(
            nn.Conv2d(self.reduced, hidden, kernel_size=1),
            nn.LayerNorm([hidden, 1, 1]),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, kernel_size=1),
        )

    def direct(self, x: Tensor) -> Tensor:
        x = x * self.channel_weights(x)
        return x * self.spatial_weights(x)

    def fast(self, x: Tensor) -> Tensor:
        features = feature_map(x)
        channel, mean = self.fast_channel_weights(features)
        query = pointwise(self.spatial_query, mean * channel.transpose(1, 2))  # (B, 1, R)
        value = self.spatial_value.weight.flatten(1)  # (R, C)
        position = features.sum_softmax(value, channel, query).sigmoid()  # (B, 1, N)
        return features.times_product(channel, position)

    def spatial_weights(self, x: Tensor) -> Tensor:
        query = F.adaptive_avg_pool2d(self.spatial_query(x), 1).flatten(1)  # (B, R)
        value = self.spatial_value(x).flatten(2).softmax(dim=-1)  # (B, R, N)
        scores: Tensor = query.unsqueeze(1) @ value  # (B, 1, N)
        return scores.reshape(x.shape[0], 1, *x.shape[2:]).sigmoid()  # (B, 1, H, W)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        channels, reduced, positions = self.channels, self.reduced, height * width
        expand = channels // 8 * (reduced + channels)
        params = channels * (3 * reduced + 2) + expand + 3 * (channels // 8)
        if self.evaluation == "fast":
            at_each_position = channels * (reduced + 3) + reduced
            return ClosedForm(
                params, at_each_position * positions + 2 * channels * reduced + expand
            )
        at_each_position = channels * (3 * reduced + 1) + 2 * reduced
        return ClosedForm(params, at_each_position * positions + expand)
