"""One forward pass in eval mode for one image, counted in every way.

Each count is made when it is asked for. What a count is called here is what a convention
(conventions.py) weighs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ablations.attention.base import EVALUATIONS, AttentionBlock, Evaluation
from ablations.complexity.any_resolution import (
    bare_layers,
    bare_unread,
    block_cost,
    block_layers,
    block_meta_macs,
    block_unread,
)
from ablations.complexity.counters import Cost
from ablations.complexity.layers import LayerCount
from ablations.complexity.model_cost import Setting, model_cost, model_meta_macs, sites
from ablations.contract import Size, built_block
from ablations.models import check_size


@dataclass(frozen=True)
class Counts:
    """What is common to blocks and models: block and evaluation name what is counted."""

    block: str
    evaluation: Evaluation

    @cached_property
    def cost(self) -> Cost:
        """By fvcore."""
        raise NotImplementedError

    @cached_property
    def meta_macs(self) -> int | None:
        """By torch.utils.flop_counter, in multiply-adds; None if it cannot."""
        raise NotImplementedError

    @cached_property
    def layers(self) -> list[LayerCount]:
        """By modules with weights, as tools count that look at layers."""
        raise NotImplementedError

    @cached_property
    def closed_form(self) -> int:
        """By hand: multiply-adds of blocks by their formulas, of all else by its layers."""
        raise NotImplementedError

    @cached_property
    def unread(self) -> int:
        """Multiply-adds of layers that run though the output does not depend on them.

        torch counts them and fvcore does not.
        """
        return 0

    @property
    def formula(self) -> int | None:
        """By hand, of what has a closed form."""
        return None

    @property
    def params(self) -> int:
        return self.cost.params

    @property
    def macs(self) -> int | None:
        """Of convolutions, linear layers and matrix products; None if not all are known."""
        return self.cost.macs

    @property
    def fvcore_total(self) -> int:
        """And fvcore's operations of norms, pooling and interpolation."""
        return sum(self.cost.by_operator.values())

    @property
    def torch_flops(self) -> int | None:
        return None if self.meta_macs is None else 2 * self.meta_macs

    @property
    def layer_macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def layer_macs_at_output(self) -> int:
        """A transposed convolution is charged at its output's resolution."""
        return sum(layer.macs_at_output for layer in self.layers)

    @property
    def norm_elements(self) -> int:
        return sum(layer.norm_elements for layer in self.layers)


@dataclass(frozen=True)
class BlockCounts(Counts):
    """Of a block alone, on (1, channels, *size)."""

    channels: int
    size: Size

    @cached_property
    def cost(self) -> Cost:
        return block_cost(self.block, self.channels, self.evaluation, self.size)

    @cached_property
    def meta_macs(self) -> int | None:
        return block_meta_macs(self.block, self.channels, self.evaluation, self.size)

    @property
    def layers(self) -> list[LayerCount]:
        return block_layers(self.block, self.channels, self.evaluation, self.size)

    @property
    def closed_form(self) -> int:
        return by_hand(self.block, self.channels, self.evaluation, self.size)

    @property
    def formula(self) -> int | None:
        return formula(self.block, self.channels, self.evaluation, self.size)

    @cached_property
    def unread(self) -> int:
        return block_unread(self.block, self.channels, self.evaluation, self.size)


@dataclass(frozen=True)
class ModelCounts(Counts):
    """Of a model with blocks, on an image of the setting's size."""

    setting: Setting

    @cached_property
    def cost(self) -> Cost:
        return model_cost(self.setting, self.block, self.evaluation)

    @cached_property
    def meta_macs(self) -> int | None:
        return model_meta_macs(self.setting, self.block, self.evaluation)

    @cached_property
    def layers(self) -> list[LayerCount]:
        """Of the bare model, and of each block where it lands."""
        bare = bare_layers(*self.setting[:2], self.setting.classes, self.setting.size)
        return sum((block_layers(*landing) for landing in self.landings), bare)

    @cached_property
    def closed_form(self) -> int:
        bare = bare_layers(*self.setting[:2], self.setting.classes, self.setting.size)
        by_layers = sum(layer.macs for layer in bare)
        return by_layers + sum(by_hand(*landing) for landing in self.landings)

    @cached_property
    def landings(self) -> list[tuple[str, int, Evaluation, Size]]:
        """What is called of the blocks."""
        return [
            (self.block, site.channels, self.evaluation, site.size)
            for site in (sites(self.setting) if self.block != "none" else ())
            if site.size
        ]

    @cached_property
    def unread(self) -> int:
        """Of the bare model, and of each block where it lands."""
        names = (*self.setting[:2], self.setting.classes)
        return bare_unread(*names, self.setting.size) + sum(
            block_unread(*landing) for landing in self.landings
        )


def counts_of_blocks(names: Iterable[str], channels: int, size: Size) -> list[BlockCounts]:
    """Each block alone, in both evaluations."""
    return [
        BlockCounts(name, evaluation, channels, size)
        for name in dict.fromkeys(names)
        for evaluation in EVALUATIONS
    ]


def counts_of_models(names: Iterable[str], setting: Setting) -> list[ModelCounts]:
    """A model with each block, in both evaluations; the bare model first."""
    check_size(setting.model, setting.encoder, *setting.size)
    return [
        ModelCounts(name, evaluation, setting)
        for name in dict.fromkeys(["none", *names])
        for evaluation in EVALUATIONS
    ]


def by_hand(block: str, channels: int, evaluation: Evaluation, size: Size) -> int:
    """A block without a closed form counts by its layers."""
    layers = block_layers(block, channels, evaluation, size)
    found = formula(block, channels, evaluation, size)
    return sum(layer.macs for layer in layers) if found is None else found


def formula(block: str, channels: int, evaluation: Evaluation, size: Size) -> int | None:
    """The closed form, of a block that has one."""
    module = built_block(block, channels, evaluation)
    try:
        return (
            module.closed_form(*size).macs if isinstance(module, AttentionBlock) else None
        )
    except NotImplementedError:
        return None
