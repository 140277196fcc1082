"""A model with blocks costs what the bare model costs, and each block where it lands."""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablations.attention.base import Evaluation, NoAttention
from ablations.complexity.any_resolution import (
    Size,
    bare_cost,
    bare_meta_macs,
    block_cost,
    block_meta_macs,
    block_polynomials,
)
from ablations.complexity.counters import Cost, PassingNorms
from ablations.complexity.polynomial import Polynomial
from ablations.models import create_bare, land


class Setting(NamedTuple):
    """What a comparison of blocks holds fixed."""

    model: str
    encoder: str
    placement: str
    classes: int
    size: Size  # of the image


class Site(NamedTuple):
    """What a block receives where it lands."""

    path: str
    channels: int
    size: Size | None  # none: the model never calls it


@cache
def sites(setting: Setting) -> tuple[Site, ...]:
    """Found on the meta device, so without memory."""
    sizes: dict[nn.Module, Size] = {}

    def note(block: nn.Module, arguments: tuple[Tensor], output: Tensor) -> None:
        sizes[block] = (output.shape[2], output.shape[3])

    with torch.device("meta"), torch.no_grad():
        network = create_bare(setting.model, setting.encoder, setting.classes).eval()
        landings = land(network, setting.placement, NoAttention)
        for landing in landings:
            landing.block.register_forward_hook(note)
        with PassingNorms():
            network(torch.empty(1, 3, *setting.size))
    return tuple(
        Site(landing.path, landing.channels, sizes.get(landing.block))
        for landing in landings
    )


def model_cost(setting: Setting, block: str, evaluation: Evaluation) -> Cost:
    """By fvcore. Raises InputError where the block cannot take the channels of a site."""
    bare = bare_cost(setting.model, setting.encoder, setting.classes, setting.size)
    if block == "none":
        return bare
    added = [site_cost(site, block, evaluation) for site in sites(setting)]
    return add_costs([bare, *added])


def site_cost(site: Site, block: str, evaluation: Evaluation) -> Cost:
    if site.size:
        return block_cost(block, site.channels, evaluation, site.size)
    return Cost(block_cost(block, site.channels, evaluation, (1, 1)).params, 0, {}, {})


def add_costs(costs: Iterable[Cost]) -> Cost:
    params = macs = 0
    by_operator, uncounted = Counter[str](), Counter[str]()
    for cost in costs:
        params, macs = params + cost.params, macs + cost.macs
        by_operator.update(cost.by_operator)
        uncounted.update(cost.uncounted)
    return Cost(params, macs, dict(by_operator), dict(uncounted))


def model_meta_macs(setting: Setting, block: str, evaluation: Evaluation) -> int:
    """The macs of model_cost by the second counter."""
    bare = bare_meta_macs(setting.model, setting.encoder, setting.classes, setting.size)
    if block == "none":
        return bare
    return bare + sum(
        block_meta_macs(block, site.channels, evaluation, site.size)
        for site in sites(setting)
        if site.size
    )


def added_macs(setting: Setting, block: str, evaluation: Evaluation) -> Polynomial | None:
    """The macs that a block adds, by the pixels of the image; None if no polynomial.

    Holds for sides that are multiples of the encoder's stride, as setting's must be.
    """
    pixels = setting.size[0] * setting.size[1]
    total = Polynomial()
    for site in sites(setting) if block != "none" else ():
        if site.size:
            costs = block_polynomials(block, site.channels, evaluation, site.size)
            if costs is None:
                return None
            share = Fraction(site.size[0] * site.size[1], pixels)
            total += costs.macs.per_pixel(share)
    return total
