"""Polarized self-attention (PSA).

Liu, Liu, Fan and Huang, "Polarized Self-Attention: Towards High-quality
Pixel-wise Regression", https://arxiv.org/abs/2107.00782, Figure 2.

The authors' code differs from Figure 2 and gives its two layouts different branches
(see polarized_code.py). Here both layouts share the branches of the figure, so a
comparison between them changes the layout and nothing else.

The fast evaluation moves every convolution behind the sum it feeds. Write X for the
input as a (C, N) matrix, a for softmaxed query scores (they sum to one), q for the
pooled query and 1/N for N equal weights. Then

    channel   (W_v X + b_v 1^T) a  =  W_v (X a) + b_v
    query     mean_n (W_q X + b_q 1^T)  =  W_q (X 1/N) + b_q
    spatial   q^T (W_v X + b_v 1^T)  =  (W_v^T q)^T X + (q^T b_v) 1^T

so that X meets one row for the scores, the two columns (a, 1/N) for both pooled vectors
and one row for the position weights: 4 C N multiply-adds and O(C^2), in place of
1.5 C^2 N. In the sequential layout the spatial branch sees diag(c) X for channel
weights c; its mean is c * (X 1/N), and its row is (W_v^T q) * c.

Shapes: B batch, C channels, R = C // 2 reduced channels, N = H * W positions.
"""

from torch import Tensor, nn

from ablations.attention.base import (
    AttentionBlock,
    ClosedForm,
    Evaluation,
    reduce_channels,
)
from ablations.attention.fast import feature_map
from ablations.attention.fast.pointwise import as_column, matrix_form, pointwise


class ChannelBranch(nn.Module):
    """One weight in (0, 1) per channel, from features pooled over all positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = reduce_channels(channels, 2)
        self.query = nn.Conv2d(channels, 1, kernel_size=1)
        self.value = nn.Conv2d(channels, reduced, kernel_size=1)
        self.expand = nn.Conv2d(reduced, channels, kernel_size=1)
        self.norm = nn.LayerNorm([channels, 1, 1])

    def weights(self, x: Tensor) -> Tensor:
        query = self.query(x).flatten(2).softmax(dim=-1)  # (B, 1, N)
        value = self.value(x).flatten(2)  # (B, R, N)
        context = value @ query.transpose(1, 2)  # (B, R, 1)
        return self.gate(context)  # (B, C, 1, 1)

    def gate(self, context: Tensor) -> Tensor:
        scores: Tensor = self.norm(self.expand(context.unsqueeze(-1)))  # (B, C, 1, 1)
        return scores.sigmoid()

    def weights_of_pooled(self, pooled: Tensor) -> Tensor:
        """The weights (B, C, 1) of x that attention has pooled to (B, 1, C)."""
        context = pointwise(self.value, pooled)  # (B, 1, R)
        return self.gate(as_column(context)).flatten(2)

    def closed_form(self, positions: int, evaluation: Evaluation) -> ClosedForm:
        reduced, channels = self.value.weight.shape[:2]
        params = 2 * channels * reduced + 4 * channels + reduced + 1
        if evaluation == "fast":
            return ClosedForm(params, 2 * channels * (positions + reduced))
        at_each_position = channels * (reduced + 1) + reduced
        return ClosedForm(params, at_each_position * positions + channels * reduced)


class SpatialBranch(nn.Module):
    """One weight in (0, 1) per position, from features pooled over all channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = reduce_channels(channels, 2)
        self.query = nn.Conv2d(channels, reduced, kernel_size=1)
        self.value = nn.Conv2d(channels, reduced, kernel_size=1)

    def weights(self, x: Tensor) -> Tensor:
        query = self.query(x).mean(dim=(2, 3)).softmax(dim=-1)  # (B, R)
        value = self.value(x).flatten(2)  # (B, R, N)
        scores: Tensor = query.unsqueeze(1) @ value  # (B, 1, N)
        return scores.reshape(x.shape[0], 1, *x.shape[2:]).sigmoid()  # (B, 1, H, W)

    def row_of_mean(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        """Row (B, 1, C) and offset (B, 1, 1): the weights are sigmoid(row @ x + offset)."""
        query = pointwise(self.query, mean).softmax(dim=-1)  # (B, 1, R)
        matrix, bias = matrix_form(self.value)  # (R, C), (R)
        return query @ matrix, (query * bias).sum(dim=-1, keepdim=True)

    def closed_form(self, positions: int, evaluation: Evaluation) -> ClosedForm:
        reduced, channels = self.value.weight.shape[:2]
        params = 2 * (channels + 1) * reduced
        if evaluation == "fast":
            return ClosedForm(params, 2 * channels * (positions + reduced))
        return ClosedForm(params, (2 * channels + 1) * reduced * positions)


class ChannelPSA(AttentionBlock):
    """The channel branch alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel = ChannelBranch(channels)

    def direct(self, x: Tensor) -> Tensor:
        return x * self.channel.weights(x)

    def fast(self, x: Tensor) -> Tensor:
        features = feature_map(x)
        pooled = features.attend(*matrix_form(self.channel.query))  # (B, 1, C)
        return features.times(self.channel.weights_of_pooled(pooled))

    def closed_form(self, height: int, width: int) -> ClosedForm:
        return self.channel.closed_form(height * width, self.evaluation)


class SpatialPSA(AttentionBlock):
    """The spatial branch alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = SpatialBranch(channels)

    def direct(self, x: Tensor) -> Tensor:
        return x * self.spatial.weights(x)

    def fast(self, x: Tensor) -> Tensor:
        features = feature_map(x)
        row, offset = self.spatial.row_of_mean(features.mean_positions())
        return features.times(features.position_weights(row, offset))

    def closed_form(self, height: int, width: int) -> ClosedForm:
        return self.spatial.closed_form(height * width, self.evaluation)


class ParallelPSA(AttentionBlock):
    """Both branches weigh the input; the two results are added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel = ChannelBranch(channels)
        self.spatial = SpatialBranch(channels)

    def direct(self, x: Tensor) -> Tensor:
        return x * self.channel.weights(x) + x * self.spatial.weights(x)

    def fast(self, x: Tensor) -> Tensor:
        features = feature_map(x)
        pooled, mean = features.attend_and_mean(
            *matrix_form(self.channel.query)
        )  # (B, 1, C)
        channel = self.channel.weights_of_pooled(pooled)  # (B, C, 1)
        row, offset = self.spatial.row_of_mean(mean)  # (B, 1, C), (B, 1, 1)
        return features.gate_sum(channel, row, offset)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        channel = self.channel.closed_form(height * width, self.evaluation)
        return channel + self.spatial.closed_form(height * width, self.evaluation)


class SequentialPSA(ParallelPSA):
    """The channel branch weighs the input; the spatial branch weighs its result."""

    def direct(self, x: Tensor) -> Tensor:
        x = x * self.channel.weights(x)
        return x * self.spatial.weights(x)

    def fast(self, x: Tensor) -> Tensor:
        features = feature_map(x)
        pooled, mean = features.attend_and_mean(
            *matrix_form(self.channel.query)
        )  # (B, 1, C)
        channel = self.channel.weights_of_pooled(pooled)  # (B, C, 1)
        gain = channel.transpose(1, 2)  # (B, 1, C)
        row, offset = self.spatial.row_of_mean(mean * gain)  # (B, 1, C), (B, 1, 1)
        return features.gate_product(channel, row * gain, offset)
