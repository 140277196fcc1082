"""A second head, which helps the encoder in training and is no part of the network.

H. Zhao et al., "Pyramid Scene Parsing Network" (arXiv 1612.01105), give its loss the weight
0.4. It reads the encoder's last feature but one, after blocks in the encoder, and is the
head of FCN: a 3x3 convolution to a quarter of the channels, batch norm, ReLU, dropout of
0.1 and a 1x1 convolution. Its logits are resized to the image.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models.segmentation.fcn import FCNHead

from ablations.bare_models import BareModel
from ablations.contract import Size
from ablations.errors import InputError, quoted
from ablations.sites import read_network, run_once

FEATURE = -2  # the last but one


class AuxiliaryHead(nn.Module):
    """Logits from the feature that the encoder of a model computed last, in training.

    Attach it after blocks are placed, so that it reads what the decoder reads.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.head = FCNHead(channels, classes)
        self.feature: Tensor | None = None

    def attach(self, model: nn.Module) -> None:
        encoder: Any = model.encoder
        encoder.register_forward_hook(self.keep)

    def keep(self, encoder: nn.Module, images: object, features: list[Tensor]) -> None:
        if encoder.training:
            self.feature = features[FEATURE]

    def forward(self, size: Size) -> Tensor:
        """Logits (B, classes, *size) of the images that the model has just seen."""
        if self.feature is None:
            raise RuntimeError("the model has not seen images since the last call")
        feature, self.feature = self.feature, None  # its memory is needed in the backward
        logits = self.head(feature)
        return interpolate(logits, size, mode="bilinear", align_corners=False)


def auxiliary_head(model: nn.Module, bare: BareModel, size: Size) -> AuxiliaryHead:
    """A head for model, attached to it; InputError if the encoder has no such feature."""
    head = AuxiliaryHead(auxiliary_channels(bare, size), bare.classes)
    head.attach(model)
    return head


def auxiliary_channels(bare: BareModel, size: Size) -> int:
    """The channels of the encoder's last feature but one."""
    channels: list[int] = []

    def note(encoder: object, images: object, features: Any) -> None:
        maps = isinstance(features, list | tuple) and len(features) > 2  # 0 is the image
        if maps and isinstance(features[FEATURE], Tensor) and features[FEATURE].ndim == 4:
            channels.append(features[FEATURE].shape[1])

    def read(network: Any) -> None:
        network.encoder.register_forward_hook(note)
        run_once(network, size)

    read_network(bare, size, read)
    if not channels or channels[-1] < 4:
        raise InputError(
            f"auxiliary_loss: encoder {quoted(bare.encoder)} in model {quoted(bare.model)} "
            "has no last feature but one to put a head on; use 0.0"
        )
    return channels[-1]
