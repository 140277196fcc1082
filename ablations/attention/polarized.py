"""Polarized self-attention (PSA).

Liu, Liu, Fan and Huang, "Polarized Self-Attention: Towards High-quality
Pixel-wise Regression", https://arxiv.org/abs/2107.00782, Figure 2.

The authors' code differs from Figure 2 and gives its two layouts different branches
(see polarized_code.py). Here both layouts share the branches of the figure, so a
comparison between them changes the layout and nothing else.

Shapes: B batch, C channels, R = C // 2 reduced channels, N = H * W positions.
"""

from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels


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
        scores: Tensor = self.norm(self.expand(context.unsqueeze(-1)))  # (B, C, 1, 1)
        return scores.sigmoid()

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels, positions = *self.value.weight.shape[:2], height * width
        params = channels * (2 * reduced + 1) + reduced + 1 + 3 * channels
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
        return scores.reshape(len(x), 1, *x.shape[2:]).sigmoid()  # (B, 1, H, W)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels, positions = *self.value.weight.shape[:2], height * width
        return ClosedForm(
            params=2 * (channels + 1) * reduced,
            macs=(2 * channels + 1) * reduced * positions,
        )


class ChannelPSA(AttentionBlock):
    """The channel branch alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel = ChannelBranch(channels)

    def direct(self, x: Tensor) -> Tensor:
        return x * self.channel.weights(x)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        return self.channel.closed_form(height, width)


class SpatialPSA(AttentionBlock):
    """The spatial branch alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = SpatialBranch(channels)

    def direct(self, x: Tensor) -> Tensor:
        return x * self.spatial.weights(x)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        return self.spatial.closed_form(height, width)


class ParallelPSA(AttentionBlock):
    """Both branches weigh the input; the two results are added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel = ChannelBranch(channels)
        self.spatial = SpatialBranch(channels)

    def direct(self, x: Tensor) -> Tensor:
        return x * self.channel.weights(x) + x * self.spatial.weights(x)

    def closed_form(self, height: int, width: int) -> ClosedForm:
        channel = self.channel.closed_form(height, width)
        return channel + self.spatial.closed_form(height, width)


class SequentialPSA(ParallelPSA):
    """The channel branch weighs the input; the spatial branch weighs its result."""

    def direct(self, x: Tensor) -> Tensor:
        x = x * self.channel.weights(x)
        return x * self.spatial.weights(x)
