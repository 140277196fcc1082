"""HRNet-W32 and HRNet-W48 for pose, of Tables 2 and 4.

Sun, Xiao, Liu and Wang, "Deep High-Resolution Representation Learning for Human Pose
Estimation", https://arxiv.org/abs/1902.09212, as in
https://github.com/leoxiaobin/deep-high-resolution-net.pytorch (commit 6f69e46).

timm's HRNet is the classifier of the same authors: its last module fuses into all four
resolutions, here into the highest only. Its parameter names are the pose network's.
"""

from typing import Any

import timm
from segmentation_models_pytorch.base import SegmentationHead
from torch import Tensor, nn

from ablations.errors import InputError
from ablations.paper_models.units import start_near_zero

ENCODERS = ["tu-hrnet_w32", "tu-hrnet_w48"]


class HRNetPose(nn.Module):
    """(B, 3, H, W) -> (B, classes, H / 4 * upsampling, W / 4 * upsampling)."""

    requires_divisible_input_shape = True

    def __init__(
        self, encoder: str, classes: int, encoder_weights: str | None, upsampling: int = 4
    ) -> None:
        super().__init__()
        if encoder not in ENCODERS:
            raise InputError(
                f"paper_hrnet_pose takes only the encoders {', '.join(ENCODERS)}"
            )
        self.encoder = HighestResolution(encoder, pretrained=encoder_weights is not None)
        channels = self.encoder.out_channels[-1]
        self.segmentation_head = SegmentationHead(
            channels, classes, 1, upsampling=upsampling
        )
        start_near_zero(self.segmentation_head)

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.segmentation_head(self.encoder(x)[-1])
        return maps


class HighestResolution(nn.Module):
    """timm's HRNet up to the last fusion, of which one resolution is kept."""

    output_stride = 32  # of the lowest resolution: image sides are multiples of it
    model: Any

    def __init__(self, name: str, pretrained: bool) -> None:
        super().__init__()
        self.model = timm.create_model(name.removeprefix("tu-"), pretrained, num_classes=0)
        del self.model.downsamp_modules, self.model.final_layer
        self.model.incre_modules = None
        last = self.model.stage4[-1]
        last.fuse_layers = last.fuse_layers[:1]
        if not pretrained:
            start_near_zero(self.model)
        self.out_channels = (3, last.num_in_chs[0])

    def forward(self, x: Tensor) -> list[Tensor]:
        highest: Tensor = self.model.forward_features(x)[0]  # (B, W, H / 4, W / 4)
        return [x, highest]
