"""Segmentation models with attention blocks in them."""

import copy
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import NamedTuple

import torch
from torch import nn

from ablations.attention.base import Evaluation
from ablations.bare_models import BareModel, check_fit, create_bare
from ablations.blocks import create_attention, find_block
from ablations.contract import Size, check_block
from ablations.controls import UNCALLED, control_of, resolve, resolve_at
from ablations.encoders import check_encoder, check_weights
from ablations.errors import InputError, quoted
from ablations.insertion import PlacedBlock
from ablations.passes import PassingNorms, device_of, first_tensor
from ablations.placements import find_placement
from ablations.placing import insert
from ablations.run_config import RunConfig
from ablations.sites import find_sites


def create_model(
    model: str,
    encoder: str,
    classes: int,
    block: str = "none",
    placement: str = "residual",
    evaluation: Evaluation = "direct",
    encoder_weights: str | None = None,
    image_size: Size | None = None,
) -> nn.Module:
    """Build a model (B, 3, H, W) -> (B, classes, H, W) with blocks at a placement.

    Pretrained weights load before the blocks are placed. Only a control that matches
    multiply-adds needs image_size. Raises InputError for unknown names and for
    incompatible parts.
    """
    network = create_bare(model, encoder, classes, encoder_weights)
    bare = BareModel(model, encoder, classes)
    sizes = sizes_at_places(bare, block, placement, image_size)
    place(network, block, placement, evaluation, sizes)
    return network


def sizes_at_places(
    bare: BareModel, block: str, placement: str, image_size: Size | None
) -> list[Size]:
    """The sizes of the feature maps that blocks see; empty if the block needs none."""
    if image_size is None or control_of(block) is None:
        return []
    return [site.size or UNCALLED for site in find_sites(bare, placement, image_size)]


def place(
    model: nn.Module,
    block: str,
    placement: str,
    evaluation: Evaluation,
    sizes: Iterable[Size] = (),
) -> list[PlacedBlock]:
    """Put blocks into model and return where they are; the block `none` is nowhere.

    sizes are those of the feature maps at each place, for blocks that depend on them.
    """
    find_placement(placement)
    if block == "none":
        return []
    rest = iter(sizes)

    def build(channels: int) -> nn.Module:
        text = resolve(block, channels, next(rest, None))
        return create_attention(text, channels, evaluation)

    return insert(model, placement, build)


def check_size(bare: BareModel, size: Size) -> None:
    """InputError for an image that the bare model cannot take."""
    find_sites(bare, None, size)


class Network(NamedTuple):
    """Everything that determines whether a model with blocks can be built and run."""

    bare: BareModel
    encoder_weights: str | None
    block: str
    placement: str
    size: Size  # of the images


def network_of(config: RunConfig, classes: int) -> Network:
    """The network that a run trains on a data set of so many classes."""
    return Network(
        BareModel(config.model, config.encoder, classes),
        config.encoder_weights,
        config.placed_block,
        config.placement,
        (config.image_size, config.image_size),
    )


def check_training(network: Network) -> None:
    """InputError for a network that cannot be trained on masks of its images' size."""
    check_network(network)
    masks, size = mask_size(network.bare, network.size), network.size
    if masks != size:
        raise InputError(
            f"model {quoted(network.bare.model)} returns masks of {masks[0]}x{masks[1]} "
            f"for images of {size[0]}x{size[1]}, so it cannot be trained on them"
        )


@cache
def mask_size(bare: BareModel, size: Size) -> Size:
    """The height and width of a bare model's output; with values only if it needs them."""
    for network in (bare.meta, bare.real):
        with suppress(Exception), torch.no_grad(), PassingNorms():
            model = copy.deepcopy(network()).eval()
            output = first_tensor(model(torch.empty(1, 3, *size, device=device_of(model))))
            return output.shape[2], output.shape[3]
    return size  # unknown: training will tell


def check_network(network: Network) -> None:
    """InputError for a network that cannot be built, or cannot run on images of its size.

    Nothing is downloaded, and nothing is checked twice.
    """
    bare, weights, block, placement, size = network
    check_encoder(bare.encoder)
    check_weights(bare.encoder, weights)
    find_block(block)
    find_placement(placement)
    where = placement if block != "none" else None
    for site in find_sites(bare, where, size):
        check_block(resolve_at(block, site), site.channels, site.size or UNCALLED)
    check_fit(bare, weights)
