"""Segmentation models with attention blocks in them."""

import warnings
from functools import partial
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torch
from torch import nn

from ablations.attention import create_attention
from ablations.attention.base import Evaluation
from ablations.errors import InputError, unknown_name
from ablations.landings import BuildBlock, Landing
from ablations.paper_models import PAPER_MODELS
from ablations.placements import PLACEMENTS

# Every architecture of smp that takes a convolutional encoder.
SMP_MODELS = [name for name in smp.MODEL_ARCHITECTURES_MAPPING if name != "dpt"]
MODELS = [*SMP_MODELS, *PAPER_MODELS]


def create_model(
    model: str,
    encoder: str,
    classes: int,
    block: str = "none",
    placement: str = "residual",
    evaluation: Evaluation = "direct",
    encoder_weights: str | None = None,
) -> nn.Module:
    """Build a model (B, 3, H, W) -> (B, classes, H, W) with blocks at a placement.

    Pretrained weights load before the blocks are placed. Raises InputError for unknown
    names and for what does not go together.
    """
    bare = create_bare(model, encoder, classes, encoder_weights)
    place(bare, block, placement, evaluation)
    return bare


def place(
    model: nn.Module, block: str, placement: str, evaluation: Evaluation
) -> list[Landing]:
    """Put blocks into model and say where they landed; none lands nowhere."""
    find_placement(placement)
    if block == "none":
        return []
    return land(model, placement, partial(create_attention, block, evaluation=evaluation))


def land(model: nn.Module, placement: str, build: BuildBlock) -> list[Landing]:
    """Put what build makes of a number of channels wherever the placement says."""
    name = find_placement(placement)
    try:
        return list(PLACEMENTS[name](model, build))
    except InputError as error:
        raise InputError(f"{type(model).__name__}, {placement}: {error}") from None


def create_bare(
    model: str, encoder: str, classes: int, encoder_weights: str | None = None
) -> nn.Module:
    find_model(model)
    find_encoder(encoder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # smp's and timm's advice on weights
            if model in PAPER_MODELS:
                return PAPER_MODELS[model](encoder, classes, encoder_weights)
            bare: nn.Module = smp.create_model(
                model, encoder, encoder_weights=encoder_weights, classes=classes
            )
    except (AssertionError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        raise InputError(
            f"model {model!r} with encoder {encoder!r} and weights {encoder_weights!r} "
            f"cannot be built: {str(error) or type(error).__name__}"
        ) from None
    return bare


def find_model(name: str) -> str:
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    return name


def find_encoder(name: str) -> str:
    """smp's own encoders, and every convolutional model of timm as tu-NAME."""
    known = smp.encoders.get_encoder_names()
    if name.startswith("tu-"):
        bare = name.removeprefix("tu-")
        known = [f"tu-{other}" for other in timm.list_models(f"{bare[:3]}*")]
        name = f"tu-{bare.partition('.')[0]}"  # a tag names weights
    if name not in known:
        raise unknown_name("encoder", name, known)
    return name


def find_placement(name: str) -> str:
    if name not in PLACEMENTS:
        raise unknown_name("placement", name, PLACEMENTS)
    return name


def check_size(model: str, encoder: str, height: int, width: int) -> None:
    """InputError for an image that the bare model cannot take; needs no memory."""
    with torch.device("meta"):
        bare: Any = create_bare(model, encoder, classes=2)
        images = torch.empty(2, 3, height, width)
    stride = bare.encoder.output_stride
    if bare.requires_divisible_input_shape and (height % stride or width % stride):
        raise InputError(
            f"image size {height}x{width} is not divisible by {stride}, the output stride "
            f"of {model!r} with encoder {encoder!r}"
        )
    try:
        bare(images)
    except RuntimeError as error:
        raise InputError(
            f"image size {height}x{width} does not fit {model!r} with encoder {encoder!r}: "
            f"{error}"
        ) from None
