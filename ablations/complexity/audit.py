"""Every count by two counters, and those of blocks by their closed form."""

from collections.abc import Sequence

import torch
from pandas import DataFrame

from ablations.attention.base import AttentionBlock
from ablations.complexity.any_resolution import (
    Size,
    block_cost,
    block_meta_macs,
    meta_block,
    meta_model,
)
from ablations.complexity.composition import Setting, model_cost, model_meta_macs
from ablations.complexity.costs import EVALUATIONS
from ablations.complexity.counters import evaluating
from ablations.complexity.layers import count_layers


def audit_blocks(names: Sequence[str], channels: int, size: Size) -> DataFrame:
    """macs of each block by fvcore, torch and closed form, where it has one.

    agree: all that there are. uncounted: operators that could explain a gap.
    """
    rows = []
    for name in names:
        for evaluation in EVALUATIONS:
            cost = block_cost(name, channels, evaluation, size)
            module = meta_block(name, channels, evaluation)
            second = block_meta_macs(name, channels, evaluation, size)
            form = None
            if isinstance(module, AttentionBlock):
                form = module.closed_form(*size).macs
            rows.append(
                {
                    "block": name,
                    "evaluation": evaluation,
                    "fvcore": cost.macs,
                    "torch": second,
                    "closed_form": form,
                    "agree": {cost.macs, second, form} - {None} == {cost.macs},
                    "uncounted": ", ".join(cost.uncounted),
                }
            )
    return DataFrame(rows)


def audit_models(names: Sequence[str], setting: Setting) -> DataFrame:
    """macs of a model with each block by fvcore and torch, as in audit_blocks.

    unread: of layers that run though nothing reads their output. torch counts them,
    fvcore does not; with them the two must agree.
    """
    rows: list[dict[str, object]] = []
    unread = unread_macs(setting)
    for name in names:
        for evaluation in EVALUATIONS:
            cost = model_cost(setting, name, evaluation)
            second = model_meta_macs(setting, name, evaluation)
            rows.append(
                {
                    "block": name,
                    "evaluation": evaluation,
                    "fvcore": cost.macs,
                    "torch": second,
                    "unread": unread,
                    "agree": cost.macs + unread == second,
                    "uncounted": ", ".join(cost.uncounted),
                }
            )
    return DataFrame(rows)


def unread_macs(setting: Setting) -> int:
    """Of the bare model's layers whose weights its output does not depend on."""
    bare = meta_model(setting.model, setting.encoder, setting.classes)
    weights = {
        name.removesuffix(".weight"): parameter
        for name, parameter in bare.named_parameters()
        if name.endswith(".weight")
    }
    with evaluating(bare), torch.enable_grad():
        total = bare(torch.empty(1, 3, *setting.size, device="meta")).sum()
    gradients = torch.autograd.grad(total, [*weights.values()], allow_unused=True)
    read = {path for path, grad in zip(weights, gradients, strict=True) if grad is not None}
    layers = count_layers(bare, (1, 3, *setting.size))
    return sum(layer.macs for layer in layers if layer.path not in read)
