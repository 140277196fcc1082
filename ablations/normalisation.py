"""How the colours of an image are scaled: as an encoder's pretrained weights expect it.

A wrong normalisation silently costs accuracy, so it is read from the source of the
weights: timm's configuration for `tu-` encoders, smp's for its own. Encoders that start
from random weights get ImageNet's. A file of weights says nothing of it: `tu-` encoders get
what timm says of their architecture, smp's own ImageNet's.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import segmentation_models_pytorch as smp
import timm

from ablations.encoders import name_of
from ablations.errors import InputError
from ablations.sources import FILE


class Normalisation(NamedTuple):
    """(colour - mean) / std, for colours in [0, 1]; red, green, blue."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    reverse: bool = False  # the encoder takes blue, green, red


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def normalisation(encoder: str, weights: str | None) -> Normalisation:
    """What an encoder with these weights expects; smp's own encoders may query the hub.

    Raises InputError if it cannot be determined.
    """
    encoder = name_of(encoder)
    if weights is None or (weights.startswith(FILE) and not has_settings(encoder)):
        return IMAGENET
    try:
        if encoder.startswith("tu-"):
            name = encoder.removeprefix("tu-")
            settings = vars(timm.get_pretrained_cfg(name, allow_unregistered=False))
        else:
            settings = smp.encoders.get_preprocessing_params(encoder, weights)
        return from_settings(settings)
    except Exception as error:  # the hub's client raises errors of many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"encoder {encoder!r}, weights {weights!r}: the normalisation that they expect "
            f"cannot be read ({reason})"
        ) from None


def has_settings(encoder: str) -> bool:
    """Whether timm knows how images are normalised for an encoder."""
    name = encoder.removeprefix("tu-")
    return name != encoder and timm.models.is_model_pretrained(name)


def from_settings(settings: Mapping[str, Any]) -> Normalisation:
    """From a configuration with colours from 0 to 1 or 255, in RGB or BGR order."""
    largest = settings.get("input_range", (0, 1))[1]
    scale = 1 if largest == 1 else 255
    reverse = settings.get("input_space", "RGB") == "BGR"
    mean, std = (
        tuple(value / scale for value in settings[key])[:: -1 if reverse else 1]
        for key in ("mean", "std")
    )
    return Normalisation(mean, std, reverse)
