"""What a control costs at each site in a model, beside the block that it matches."""

from typing import NamedTuple

from ablations.complexity.any_resolution import cost_at
from ablations.complexity.cost import figure
from ablations.complexity.subjects import ModelCounts, Setting
from ablations.contract import LoneBlock
from ablations.controls import control_of, width_of
from ablations.models import check_size


class ControlCost(NamedTuple):
    """What a control and its block add at one site; macs are as published."""

    path: str
    channels: int
    stride: float
    width: int
    params: int
    block_params: int
    macs: int | str  # or a text that says why they are not counted
    block_macs: int | str


def control_costs(block: str, setting: Setting) -> list[ControlCost]:
    """One entry for each site that the model calls; block is a control, of any start."""
    check_size(setting.bare, setting.size)
    control = control_of(block)
    costs = []
    for lone, site in ModelCounts(block, "direct", setting).blocks:
        if control and site.size:
            width = width_of(control, site.channels, site.size)
            own = cost_at(lone, site.size)
            matched = LoneBlock(str(control.inner), site.channels, "direct")
            other = cost_at(matched, site.size)
            stride = setting.size[0] / site.size[0]
            params, macs = (own.params, other.params), (figure(own), figure(other))
            place = site.path, site.channels, stride, width
            costs.append(ControlCost(*place, *params, *macs))
    return costs
