"""What a block costs at each of its sites in a model."""

from typing import NamedTuple

from ablations.attention.base import Evaluation
from ablations.complexity.any_resolution import cost_at
from ablations.complexity.cost import figure
from ablations.complexity.subjects import ModelCounts, Setting
from ablations.models import check_size


class SiteCost(NamedTuple):
    """What a block adds at one site."""

    path: str
    channels: int
    stride: float
    params: int
    macs: int | str  # or a text that says why they are not counted


def site_costs(block: str, setting: Setting, evaluation: Evaluation) -> list[SiteCost]:
    """One entry for each site that the model calls."""
    check_size(setting.bare, setting.size)
    costs = []
    for lone, site in ModelCounts(block, evaluation, setting).blocks:
        if site.size:
            cost = cost_at(lone, site.size)
            stride = setting.size[0] / site.size[0]
            costs.append(
                SiteCost(site.path, site.channels, stride, cost.params, figure(cost))
            )
    return costs
