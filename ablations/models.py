"""Segmentation models with attention blocks in them."""

from functools import partial

from torch import nn

from ablations.attention import create_attention, find_block
from ablations.attention.base import Evaluation
from ablations.bare_models import BareModel, create_bare
from ablations.contract import Size, check_block
from ablations.encoders import MODELS, SMP_MODELS, check_encoder, check_model, check_weights
from ablations.insertion import PlacedBlock
from ablations.placements import find_placement
from ablations.sites import find_sites, insert

__all__ = [
    "MODELS",
    "SMP_MODELS",
    "check_encoder",
    "check_model",
    "check_network",
    "check_size",
    "check_weights",
    "create_bare",
    "create_model",
    "find_placement",
    "place",
]


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
    names and for incompatible parts.
    """
    bare = create_bare(model, encoder, classes, encoder_weights)
    place(bare, block, placement, evaluation)
    return bare


def place(
    model: nn.Module, block: str, placement: str, evaluation: Evaluation
) -> list[PlacedBlock]:
    """Put blocks into model and return where they are; the block `none` is nowhere."""
    find_placement(placement)
    if block == "none":
        return []
    return insert(model, placement, partial(create_attention, block, evaluation=evaluation))


def check_size(bare: BareModel, size: Size) -> None:
    """InputError for an image that the bare model cannot take."""
    find_sites(bare, None, size)


def check_network(
    model: str,
    encoder: str,
    encoder_weights: str | None,
    block: str,
    placement: str,
    evaluation: Evaluation,
    classes: int,
    size: Size,
) -> None:
    """InputError for a network that cannot be built, or cannot run on images of that size.

    Nothing is downloaded, and nothing is checked twice.
    """
    check_encoder(encoder)
    check_weights(encoder, encoder_weights)
    find_block(block)
    where = placement if block != "none" else None
    find_placement(placement)
    for site in find_sites(BareModel(model, encoder, classes), where, size):
        check_block(block, site.channels, site.size or (1, 1))
