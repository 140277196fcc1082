"""Global context block (GC).

Cao, Xu, Lin, Wei and Hu, "GCNet: Non-local Networks Meet Squeeze-Excitation
Networks and Beyond", https://arxiv.org/abs/1904.11492, Figure 4(d); ratio 4 as in
the released code's best setting, ratio 16 as in the paper's default.

Initial values are those of the released code (https://github.com/xvjiarui/GCNet):
the last convolution starts at zero, so a new block is the identity.

Shapes: B batch, C channels, R = C // ratio reduced channels, N = H * W positions.
"""

from torch import Tensor, nn

from ablations.attention.base import AttentionBlock, ClosedForm, reduce_channels
from ablations.attention.fast import feature_map
from ablations.attention.fast.pointwise import as_column, matrix_form


class GlobalContext(AttentionBlock):
    """Every position receives the same vector, made from attention-pooled features."""

    def __init__(self, channels: int, ratio: int = 4) -> None:
        super().__init__()
        reduced = reduce_channels(channels, ratio)
        self.key = nn.Conv2d(channels, 1, kernel_size=1)
        self.reduce = nn.Conv2d(channels, reduced, kernel_size=1)
        self.norm = nn.LayerNorm([reduced, 1, 1])
        self.expand = nn.Conv2d(reduced, channels, kernel_size=1)
        nn.init.kaiming_normal_(self.key.weight)
        for name, parameter in self.named_parameters():
            if name in {"key.bias", "expand.weight", "expand.bias"}:
                nn.init.zeros_(parameter)

    def direct(self, x: Tensor) -> Tensor:
        weights = self.key(x).flatten(2).softmax(dim=-1)  # (B, 1, N)
        context = x.flatten(2) @ weights.transpose(1, 2)  # (B, C, 1)
        return x + self.residual(context)  # (B, C, H, W)

    def fast(self, x: Tensor) -> Tensor:
        """Keeps nothing of the size of x except x."""
        features = feature_map(x)
        context = features.attend(*matrix_form(self.key))  # (B, 1, C)
        return features.plus(self.residual(as_column(context)).flatten(2))

    def residual(self, context: Tensor) -> Tensor:
        hidden = self.norm(self.reduce(context.unsqueeze(-1))).relu()  # (B, R, 1, 1)
        residual: Tensor = self.expand(hidden)  # (B, C, 1, 1)
        return residual

    def closed_form(self, height: int, width: int) -> ClosedForm:
        reduced, channels, positions = *self.reduce.weight.shape[:2], height * width
        weights, others = 2 * channels * reduced, 2 * channels + 3 * reduced + 1
        return ClosedForm(weights + others, 2 * channels * positions + weights)
