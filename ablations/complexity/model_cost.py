"""A model with blocks costs what the bare model costs, and each block where it lands."""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from ablations.attention.base import Evaluation
from ablations.complexity.any_resolution import (
    bare_cost,
    bare_meta_macs,
    block_cost,
    block_meta_macs,
    block_polynomials,
)
from ablations.complexity.counters import Cost, figure, parameters
from ablations.complexity.polynomial import Polynomial
from ablations.contract import Size, built_block
from ablations.models import check_size
from ablations.sites import Site, landing_sites


class Setting(NamedTuple):
    """What a comparison of blocks holds fixed."""

    model: str
    encoder: str
    placement: str
    classes: int
    size: Size  # of the image


def sites(setting: Setting) -> tuple[Site, ...]:
    names = (setting.model, setting.encoder, setting.classes, setting.placement)
    return landing_sites(*names, setting.size)


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
    return Cost(parameters(built_block(block, site.channels, evaluation)), 0, {}, {})


class SiteCost(NamedTuple):
    """What a block adds at one site."""

    path: str
    channels: int
    stride: float
    params: int
    macs: int | str  # or that they are not counted, and why


def site_costs(block: str, setting: Setting, evaluation: Evaluation) -> list[SiteCost]:
    """At every site that the model calls."""
    check_size(setting.model, setting.encoder, *setting.size)
    costs = []
    for site in sites(setting) if block != "none" else ():
        if site.size:
            cost = site_cost(site, block, evaluation)
            stride = setting.size[0] / site.size[0]
            costs.append(
                SiteCost(site.path, site.channels, stride, cost.params, figure(cost))
            )
    return costs


def add_costs(costs: Iterable[Cost]) -> Cost:
    """The macs of the whole are known if those of every part are."""
    params, macs, reasons = 0, list[int | None](), dict[str, None]()
    by_operator, uncounted = Counter[str](), Counter[str]()
    for cost in costs:
        params += cost.params
        macs.append(cost.macs)
        by_operator.update(cost.by_operator)
        uncounted.update(cost.uncounted)
        reasons |= dict.fromkeys([cost.not_counted] if cost.not_counted else [])
    return Cost(params, total(macs), dict(by_operator), dict(uncounted), ", ".join(reasons))


def total(numbers: Iterable[int | None]) -> int | None:
    """None if one of them is."""
    numbers = list(numbers)
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def model_meta_macs(setting: Setting, block: str, evaluation: Evaluation) -> int | None:
    """The macs of model_cost by the second counter."""
    bare = bare_meta_macs(setting.model, setting.encoder, setting.classes, setting.size)
    if block == "none":
        return bare
    added = [
        block_meta_macs(block, site.channels, evaluation, site.size)
        for site in sites(setting)
        if site.size
    ]
    return total([bare, *added])


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
