"""One forward pass in eval mode for one image, counted in every way.

Each count is made when it is asked for. What a count is called here is what a convention
(conventions.py) weighs.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import torch

from ablations.attention.base import AttentionBlock, Evaluation
from ablations.complexity.any_resolution import (
    Size,
    block_cost,
    block_meta_macs,
    meta_block,
    meta_model,
)
from ablations.complexity.composition import Setting, model_cost, model_meta_macs, sites
from ablations.complexity.counters import Cost, evaluating
from ablations.complexity.layers import LayerCount, count_layers


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
    def meta_macs(self) -> int:
        """By torch.utils.flop_counter, in multiply-adds."""
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
    def params(self) -> int:
        return self.cost.params

    @property
    def macs(self) -> int:
        """Of convolutions, linear layers and matrix products."""
        return self.cost.macs

    @property
    def fvcore_total(self) -> int:
        """And fvcore's operations of norms, pooling and interpolation."""
        return sum(self.cost.by_operator.values())

    @property
    def torch_flops(self) -> int:
        return 2 * self.meta_macs

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
    def meta_macs(self) -> int:
        return block_meta_macs(self.block, self.channels, self.evaluation, self.size)

    @property
    def layers(self) -> list[LayerCount]:
        return block_layers(self.block, self.channels, self.evaluation, self.size)

    @property
    def closed_form(self) -> int:
        return by_hand(self.block, self.channels, self.evaluation, self.size)


@dataclass(frozen=True)
class ModelCounts(Counts):
    """Of a model with blocks, on an image of the setting's size."""

    setting: Setting

    @cached_property
    def cost(self) -> Cost:
        return model_cost(self.setting, self.block, self.evaluation)

    @cached_property
    def meta_macs(self) -> int:
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
        """Found by gradients: of the bare model's weights, those that get none."""
        bare = meta_model(*self.setting[:2], self.setting.classes)
        weights = {
            name.removesuffix(".weight"): parameter
            for name, parameter in bare.named_parameters()
            if name.endswith(".weight")
        }
        images = torch.empty(1, 3, *self.setting.size, device="meta")
        with evaluating(bare), torch.enable_grad():
            total = bare(images).sum()
        gradients = torch.autograd.grad(total, [*weights.values()], allow_unused=True)
        read = {path for path, g in zip(weights, gradients, strict=True) if g is not None}
        layers = bare_layers(*self.setting[:2], self.setting.classes, self.setting.size)
        return sum(layer.macs for layer in layers if layer.path not in read)


@cache
def bare_layers(model: str, encoder: str, classes: int, size: Size) -> list[LayerCount]:
    return count_layers(meta_model(model, encoder, classes), (1, 3, *size))


@cache
def block_layers(
    block: str, channels: int, evaluation: Evaluation, size: Size
) -> list[LayerCount]:
    return count_layers(meta_block(block, channels, evaluation), (1, channels, *size))


def by_hand(block: str, channels: int, evaluation: Evaluation, size: Size) -> int:
    """A block without a closed form counts by its layers."""
    module = meta_block(block, channels, evaluation)
    if isinstance(module, AttentionBlock):
        return module.closed_form(*size).macs
    return sum(layer.macs for layer in block_layers(block, channels, evaluation, size))
