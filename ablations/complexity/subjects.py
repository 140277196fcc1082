"""The subjects of a count: a block alone, or a model with blocks, on one image.

A model with blocks costs as much as the bare model plus each block at its site. Counts are
computed lazily; a convention (conventions.py) weighs them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ablations.attention.base import EVALUATIONS, AttentionBlock, Evaluation
from ablations.bare_models import BareModel
from ablations.complexity.any_resolution import (
    Part,
    cost_at,
    layers_at,
    second_count,
    unread_at,
)
from ablations.complexity.cost import Cost, add_costs, total
from ablations.complexity.counters import parameters
from ablations.complexity.layers import LayerCount
from ablations.contract import LoneBlock, Size
from ablations.controls import resolve, resolve_at
from ablations.models import check_size
from ablations.sites import Site, find_sites


class Setting(NamedTuple):
    """What a comparison of blocks holds fixed."""

    bare: BareModel
    placement: str
    size: Size  # of the image

    @property
    def sites(self) -> tuple[Site, ...]:
        return find_sites(self.bare, self.placement, self.size)


@dataclass(frozen=True)
class Counts:
    """One forward pass in eval mode; block and evaluation name what is counted."""

    block: str
    evaluation: Evaluation

    @cached_property
    def parts(self) -> list[tuple[Part, Size | None]]:
        """The parts, each with the size it runs on; None: it never runs."""
        raise NotImplementedError

    @property
    def calls(self) -> list[tuple[Part, Size]]:
        return [(part, size) for part, size in self.parts if size]

    @cached_property
    def cost(self) -> Cost:
        """From fvcore. Raises InputError if a block does not work with its channels."""
        return add_costs(part_cost(*part) for part in self.parts)

    @cached_property
    def meta_macs(self) -> int | None:
        """Multiply-adds from torch.utils.flop_counter; None if it cannot count them."""
        return total(second_count(*call) for call in self.calls)

    @cached_property
    def layers(self) -> list[LayerCount]:
        """Calls of modules with weights, as layer-based tools count them."""
        return [layer for call in self.calls for layer in layers_at(*call)]

    @cached_property
    def closed_form(self) -> int:
        """Multiply-adds of blocks by their formulas, and of all else by its layers."""
        return sum(by_hand(*call) for call in self.calls)

    @cached_property
    def unread(self) -> int:
        """Multiply-adds of layers that run though the output does not depend on them.

        torch counts them and fvcore does not.
        """
        return sum(unread_at(*call) for call in self.calls)

    @property
    def formula(self) -> int | None:
        """The closed form of a lone block, if it has one."""
        return None

    @property
    def params(self) -> int:
        return self.cost.params

    @property
    def macs(self) -> int | None:
        """For convolutions, linear layers and matrix products; None if any is unknown."""
        return self.cost.macs

    @property
    def fvcore_total(self) -> int:
        """Includes fvcore's operations of norms, pooling and interpolation."""
        return sum(self.cost.by_operator.values())

    @property
    def torch_flops(self) -> int | None:
        return None if self.meta_macs is None else 2 * self.meta_macs

    @property
    def layer_macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def layer_macs_at_output(self) -> int:
        """Counts a transposed convolution at the resolution of its output."""
        return sum(layer.macs_at_output for layer in self.layers)

    @property
    def norm_elements(self) -> int:
        return sum(layer.norm_elements for layer in self.layers)


@dataclass(frozen=True)
class BlockCounts(Counts):
    """A block alone, on (1, channels, *size)."""

    channels: int
    size: Size

    @cached_property
    def parts(self) -> list[tuple[Part, Size | None]]:
        block = resolve(self.block, self.channels, self.size)
        return [(LoneBlock(block, self.channels, self.evaluation), self.size)]

    @property
    def formula(self) -> int | None:
        [call] = self.calls
        return formula(*call)


@dataclass(frozen=True)
class ModelCounts(Counts):
    """A model with blocks, on an image of the setting's size."""

    setting: Setting

    @cached_property
    def blocks(self) -> list[tuple[LoneBlock, Site]]:
        """Each block with its site; empty for the bare model."""
        sites = self.setting.sites if self.block != "none" else ()
        return [
            (LoneBlock(resolve_at(self.block, site), site.channels, self.evaluation), site)
            for site in sites
        ]

    @cached_property
    def parts(self) -> list[tuple[Part, Size | None]]:
        blocks = [(block, site.size) for block, site in self.blocks]
        return [(self.setting.bare, self.setting.size), *blocks]


def part_cost(part: Part, size: Size | None) -> Cost:
    """A part that never runs still has parameters."""
    return cost_at(part, size) if size else Cost(parameters(part.real()), 0, {}, {})


def by_hand(part: Part, size: Size) -> int:
    """The closed form; for a bare model or a block without one, the sum over layers."""
    macs = formula(part, size)
    return sum(layer.macs for layer in layers_at(part, size)) if macs is None else macs


def formula(part: Part, size: Size) -> int | None:
    """The closed form, if part is a block that has one."""
    module = part.real() if isinstance(part, LoneBlock) else None
    try:
        return (
            module.closed_form(*size).macs if isinstance(module, AttentionBlock) else None
        )
    except NotImplementedError:
        return None


def counts_of_blocks(names: Iterable[str], channels: int, size: Size) -> list[BlockCounts]:
    """Each block alone, in both evaluations."""
    return [
        BlockCounts(name, evaluation, channels, size)
        for name in dict.fromkeys(names)
        for evaluation in EVALUATIONS
    ]


def counts_of_models(names: Iterable[str], setting: Setting) -> list[ModelCounts]:
    """A model with each block, in both evaluations; the bare model first."""
    check_size(setting.bare, setting.size)
    return [
        ModelCounts(name, evaluation, setting)
        for name in dict.fromkeys(["none", *names])
        for evaluation in EVALUATIONS
    ]
