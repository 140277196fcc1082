"""Counting conventions: what a "FLOPs" column of a paper may mean.

A convention is a weighted sum of counts, and the unit that it calls a G.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import torch

from ablations.attention.base import AttentionBlock, Evaluation
from ablations.complexity.composition import Setting, model_cost, model_meta_macs, sites
from ablations.complexity.layers import LayerCount, count_layers
from ablations.landings import Landing
from ablations.models import create_bare, place


class Counts(NamedTuple):
    """One forward pass for one image, counted in every way at once."""

    params: int
    macs: int  # of convolutions, linear layers and matrix products, by fvcore
    fvcore_total: int  # and fvcore's operations of norms, pooling and interpolation
    torch_flops: int  # by torch.utils.flop_counter
    layer_macs: int  # of layers with weights, see layers.py
    layer_macs_at_output: int
    norm_elements: int
    closed_form: int  # layer_macs, but of every block what its formula says


class Convention(NamedTuple):
    """How a tool or a paper counts."""

    label: str  # for captions
    operation: Literal["MAC", "FLOP"]  # what it counts one of; a MAC is two FLOPs
    giga: int  # how many of them it calls a G
    weights: dict[str, int]  # of the fields of Counts
    source: str

    def total(self, counts: Counts) -> int:
        return sum(
            weight * int(getattr(counts, name)) for name, weight in self.weights.items()
        )

    def figure(self, counts: Counts) -> float:
        """The total in G, as a table prints it."""
        return self.total(counts) / self.giga


CONVENTIONS = {
    "macs": Convention(
        "multiply-adds of convolutions, linear layers and matrix products",
        "MAC",
        10**9,
        {"macs": 1},
        "fvcore, of its operators conv, linear, matmul and the like",
    ),
    "fvcore": Convention(
        "fvcore's total: norms, pooling and interpolation too",
        "MAC",
        10**9,
        {"fvcore_total": 1},
        "fvcore.nn.FlopCountAnalysis",
    ),
    "torch": Convention(
        "two operations per multiply-add of convolutions and matrix products",
        "FLOP",
        10**9,
        {"torch_flops": 1},
        "torch.utils.flop_counter.FlopCounterMode",
    ),
    "thop": Convention(
        "layers with weights, and two operations per element of a batch norm",
        "MAC",
        10**9,
        {"layer_macs": 1, "norm_elements": 2},
        "thop 0.0.31; Table 3 of the PSA paper",
    ),
    "hrnet": Convention(
        "weights times output positions of layers with weights, in units of 1024^3",
        "MAC",
        1024**3,
        {"layer_macs_at_output": 1},
        "lib/utils/utils.py of HRNet's pose code; Tables 2 and 4 of the PSA paper",
    ),
    "closed_form": Convention(
        "layers with weights, and every block by the closed form of its multiply-adds",
        "MAC",
        10**9,
        {"closed_form": 1},
        "AttentionBlock.closed_form",
    ),
}


def count(setting: Setting, block: str, evaluation: Evaluation) -> Counts:
    """Count a model with blocks in every way."""
    cost = model_cost(setting, block, evaluation)
    with torch.device("meta"):
        network = create_bare(setting.model, setting.encoder, setting.classes)
        landings = place(network, block, setting.placement, evaluation)
    layers = count_layers(network, (1, 3, *setting.size))
    return Counts(
        params=cost.params,
        macs=cost.macs,
        fvcore_total=sum(cost.by_operator.values()),
        torch_flops=2 * model_meta_macs(setting, block, evaluation),
        layer_macs=sum(layer.macs for layer in layers),
        layer_macs_at_output=sum(layer.macs_at_output for layer in layers),
        norm_elements=sum(layer.norm_elements for layer in layers),
        closed_form=by_hand(setting, landings, layers),
    )


def by_hand(
    setting: Setting, landings: Iterable[Landing], layers: Iterable[LayerCount]
) -> int:
    """A block without a closed form counts by its layers."""
    sizes = {site.path: site.size for site in sites(setting)} if landings else {}
    macs, known = 0, []
    for path, _, block in landings:
        if isinstance(block, AttentionBlock):
            known.append(f"{path}.")
            if size := sizes[path]:
                macs += block.closed_form(*size).macs
    outside = (layer for layer in layers if not layer.path.startswith(tuple(known)))
    return macs + sum(layer.macs for layer in outside)
