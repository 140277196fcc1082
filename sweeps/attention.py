"""Pictures of what the blocks of a kept network attend to in an image."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ablations.attention_values import attention_of
from ablations.errors import InputError
from ablations.models import network_of
from ablations.sites import Site, find_sites
from lightning_modules.data.segmentation_data import normalised_colours
from reports.attention_maps import PlaceAttention, attention_picture
from sweeps.kept_runs import KeptRun, ScoredImages, pixels
from sweeps.predictions import run_name

MOST_PLACES = 6  # of a picture, unless places are named


def picture_of_attention(
    run: KeptRun, images: ScoredImages, number: int, places: Sequence[int] | None
) -> Figure:
    """A row for each place, by its number in the order of the placement.

    None: all of them, or six, evenly from the first to the last. InputError for a network
    without blocks, and for a place that it lacks.
    """
    sites = sites_of(run)
    numbers = usual_places(len(sites)) if places is None else places
    for place in numbers:
        check_place(place, sites)
    image = images.of_training_size(number)[0]
    received = inputs_of(run, image, [sites[place] for place in numbers])
    found = [
        place_attention(run, place, sites[place], x)
        for place, x in zip(numbers, received, strict=True)
    ]
    of = f"{len(found)} of {len(sites)} places" if len(found) < len(sites) else "all places"
    heading = [
        f"{run_name(run.config)}, step {run.trained.step}, {of}",
        f"{images.place}: {images.titles[number]}",
    ]
    return attention_picture(heading, pixels(image), found)


def sites_of(run: KeptRun) -> Sequence[Site]:
    if run.config.block == "none":
        raise InputError(f"{run.folder}: its network has no attention blocks")
    network = network_of(run.config, len(run.trained.classes))
    return find_sites(network.bare, network.placement, network.size)


def usual_places(count: int) -> list[int]:
    if count <= MOST_PLACES:
        return list(range(count))
    return [round(n * (count - 1) / (MOST_PLACES - 1)) for n in range(MOST_PLACES)]


def check_place(place: int, sites: Sequence[Site]) -> None:
    if place >= len(sites):
        raise InputError(
            f"place {place}: the network has places 0 to {len(sites) - 1}, as `ablate "
            "where` lists them"
        )
    if sites[place].size is None:
        raise InputError(f"place {place}: the network never calls {sites[place].path}")


def inputs_of(run: KeptRun, image: Tensor, sites: Sequence[Site]) -> list[Tensor]:
    """What the block at each site receives (1, C, H, W) for an image (3, H, W), uint8."""
    received: dict[str, Tensor] = {}

    def keep(path: str, block: nn.Module, arguments: tuple[Any, ...]) -> None:
        received[path] = arguments[0].detach().clone()

    blocks = dict(run.trained.model.named_modules())
    hooks = [
        blocks[site.path].register_forward_pre_hook(partial(keep, site.path))
        for site in sites
    ]
    colours = normalised_colours(image, run.trained.normalisation)
    with torch.no_grad():
        run.trained.model(colours[None].to(run.device))
    for hook in hooks:
        hook.remove()
    return [received[site.path] for site in sites]


def place_attention(run: KeptRun, number: int, site: Site, x: Tensor) -> PlaceAttention:
    block = dict(run.trained.model.named_modules())[site.path]
    parts = [part.on_cpu() for part in attention_of(block, x)]
    channels, height, width = x.shape[1:]
    return PlaceAttention(number, site.path, (channels, height, width), parts)
