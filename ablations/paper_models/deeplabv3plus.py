"""DeepLabV3+ at output stride 16 with standard convolutions, the baseline of Table 3.

Chen, Zhu, Papandreou, Schroff and Adam, "Encoder-Decoder with Atrous Separable Convolution
for Semantic Image Segmentation", https://arxiv.org/abs/1802.02611, as in
https://github.com/VainF/DeepLabV3Plus-Pytorch (commit 4e1087d), whose published mIoU the
table repeats. smp's own DeepLabV3+ differs: its decoder has separable convolutions, and its
last stage is dilated from the first block on.

Shapes: B batch, S = H / 4 and W / 4 of the image, rounded as the encoder rounds.
"""

from typing import Any

import torch
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.mobilenetv2 import InvertedResidual

from ablations.errors import InputError
from ablations.paper_models.units import norm_relu

ENCODERS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "mobilenet_v2"]
RATES = (6, 12, 18)  # of the three dilated convolutions


class DeepLabV3Plus(nn.Module):
    """(B, 3, H, W) -> (B, classes, H, W)."""

    requires_divisible_input_shape = False

    def __init__(self, encoder: str, classes: int, encoder_weights: str | None) -> None:
        super().__init__()
        self.encoder = create_encoder(encoder, encoder_weights)
        low, high = self.encoder.out_channels[2], self.encoder.out_channels[-1]
        self.decoder = Decoder(low, high)
        self.segmentation_head = SegmentationHead(256, classes, kernel_size=1)
        for part in (*self.decoder.modules(), self.segmentation_head[0]):
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight)

    def forward(self, x: Tensor) -> Tensor:
        features = self.encoder(x)
        return resize(self.segmentation_head(self.decoder(features)), x)


class Decoder(nn.Module):
    """Joins the pyramid on the last feature with a feature at a quarter resolution."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.pyramid = Pyramid(high)
        self.reduce = norm_relu(nn.Conv2d(low, 48, 1, bias=False))
        self.join = norm_relu(nn.Conv2d(48 + 256, 256, 3, padding=1, bias=False))

    def forward(self, features: list[Tensor]) -> Tensor:
        low = self.reduce(features[2])  # (B, 48, S, S)
        high = resize(self.pyramid(features[-1]), low)  # (B, 256, S, S)
        joined: Tensor = self.join(torch.cat([low, high], dim=1))
        return joined


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling (ASPP): the same feature seen at five scales."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.point = norm_relu(nn.Conv2d(channels, 256, 1, bias=False))
        self.dilated = nn.ModuleList(
            norm_relu(nn.Conv2d(channels, 256, 3, padding=r, dilation=r, bias=False))
            for r in RATES
        )
        self.pooled = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), norm_relu(nn.Conv2d(channels, 256, 1, bias=False))
        )
        self.project = norm_relu(nn.Conv2d(5 * 256, 256, 1, bias=False))
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        scales = [self.point(x), *(dilated(x) for dilated in self.dilated)]
        scales.append(resize(self.pooled(x), x))
        projected: Tensor = self.dropout(self.project(torch.cat(scales, dim=1)))
        return projected


def resize(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


def create_encoder(name: str, weights: str | None) -> Any:
    """An encoder of smp at output stride 16, in which dilation starts one block later."""
    if name not in ENCODERS:
        raise InputError(
            f"paper_deeplabv3plus takes only the encoders {', '.join(ENCODERS)}"
        )
    encoder = get_encoder(name, weights=weights, output_stride=16)
    first = encoder.features[14] if name == "mobilenet_v2" else encoder.layer4[0]
    for part in first.modules():
        if isinstance(part, nn.Conv2d) and part.kernel_size == (3, 3):
            part.dilation = part.padding = (1, 1)
    for part in encoder.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 0.01
    return repad(encoder) if name == "mobilenet_v2" else encoder


def repad(encoder: Any) -> Any:
    """MobileNetV2 as VainF has it: no padding except before each inverted residual.

    The expansion, its norm and its ReLU6 thus run on the border too. The last layer, of
    1280 channels, is not used.
    """
    del encoder.features[18]
    encoder._out_indexes[-1] = 17
    encoder._out_channels = [*encoder.out_channels[:-1], 320]
    for part in encoder.modules():
        if isinstance(part, nn.Conv2d):
            part.padding = (0, 0)
        if isinstance(part, InvertedResidual):
            part.conv.register_forward_pre_hook(pad_input)
    return encoder


def pad_input(inverted: nn.Module, arguments: tuple[Tensor]) -> tuple[Tensor]:
    """Pad every side by what its depthwise convolution needs."""
    convolutions = [part for part in inverted.modules() if isinstance(part, nn.Conv2d)]
    rate = next(part.dilation[0] for part in convolutions if part.groups > 1)
    return (F.pad(arguments[0], (int(rate),) * 4),)
