"""Simple-Baseline, a pose network of Tables 2 and 4.

Xiao, Wu and Wei, "Simple Baselines for Human Pose Estimation and Tracking",
https://arxiv.org/abs/1804.06208, as in
https://github.com/microsoft/human-pose-estimation.pytorch (commit 49f3f44).
"""

from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn

from ablations.errors import InputError
from ablations.paper_models.units import norm_relu, start_near_zero

ENCODERS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


class SimpleBaseline(nn.Module):
    """(B, 3, H, W) -> (B, classes, H / 4 * upsampling, W / 4 * upsampling)."""

    requires_divisible_input_shape = True

    def __init__(
        self, encoder: str, classes: int, encoder_weights: str | None, upsampling: int = 4
    ) -> None:
        super().__init__()
        if encoder not in ENCODERS:
            raise InputError(
                f"paper_simple_baseline takes only the encoders {', '.join(ENCODERS)}"
            )
        self.encoder = get_encoder(encoder, weights=encoder_weights)
        channels = (self.encoder.out_channels[-1], 256, 256)
        self.decoder = nn.Sequential(*(double(width) for width in channels))
        self.segmentation_head = SegmentationHead(256, classes, 1, upsampling=upsampling)
        start_near_zero(self.decoder)
        start_near_zero(self.segmentation_head)

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.segmentation_head(self.decoder(self.encoder(x)[-1]))
        return maps


def double(channels: int) -> nn.Sequential:
    """A transposed convolution to twice the resolution."""
    return norm_relu(nn.ConvTranspose2d(channels, 256, 4, 2, padding=1, bias=False))
