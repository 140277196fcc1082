"""Time and memory of whole models: one image, and a step of training.

The model without a block takes turns with each other one, so that their ratio holds on a
busy machine, too.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import nn

from ablations.attention.base import Evaluation
from ablations.benchmark.candidates import (
    Candidate,
    Effort,
    measure_memory,
    time_together,
)
from ablations.benchmark.tasks import TASKS
from ablations.complexity.cost import figure
from ablations.complexity.subjects import ModelCounts, Setting
from ablations.errors import named_errors
from ablations.models import Network, check_network, create_model
from ablations.threads import on_threads

Row = dict[str, Any]


class ModelCase(NamedTuple):
    """A model with one block, evaluated in one way."""

    setting: Setting
    block: str
    evaluation: Evaluation
    batch: int  # images of a step


def model_cases(blocks: Iterable[str], setting: Setting, batch: int) -> list[ModelCase]:
    """The bare model, then the model with each block, direct and fast."""
    cases = [ModelCase(setting, "none", "direct", batch)]
    for block in blocks:
        if block != "none":
            cases.append(ModelCase(setting, block, "direct", batch))
            cases.append(ModelCase(setting, block, "fast", batch))
    return cases


def bench_model_case(case: ModelCase, effort: Effort) -> Row:
    """One row of numbers in base units; seconds are medians.

    A number that could not be measured is absent, and problem says why. Raises InputError
    for a model that cannot be built or cannot take its images.
    """
    setting = case.setting
    bare, placement, size = setting
    check_network(Network(bare, None, case.block, placement, size))
    macs = figure(ModelCounts(case.block, case.evaluation, setting).cost)
    with on_threads(effort.threads), named_errors(f"a model with {case.block}"):
        candidate = Candidate(case.evaluation, build(case).to(effort.device))
        beside = candidate
        if case.block != "none":
            plain = case._replace(block="none", evaluation="direct")
            beside = Candidate("bare", build(plain).to(effort.device))
        measure_model(candidate, beside, case, macs, effort)
    return {
        "block": case.block,
        "evaluation": case.evaluation,
        "macs": macs,
        **candidate.figures,
        **{
            f"bare_{name}": beside.figures[name] for name in TASKS if name in beside.figures
        },
        "problem": candidate.problem,
    }


def build(case: ModelCase) -> nn.Module:
    bare, placement, size = case.setting
    torch.manual_seed(0)
    return create_model(*bare, case.block, placement, case.evaluation, image_size=size)


def measure_model(
    candidate: Candidate,
    beside: Candidate,
    case: ModelCase,
    macs: int | str,
    effort: Effort,
) -> None:
    """One image in eval mode; a batch in training mode, with batch norms that learn."""
    images = torch.randn(case.batch, 3, *case.setting.size, device=effort.device)
    together = list(dict.fromkeys([beside, candidate]))
    for name, batch in (("forward", images[:1]), ("step", images)):
        candidate.macs = len(batch) * macs if isinstance(macs, int) else None
        for one in together:
            one.module.train(name == "step")
        time_together(together, name, batch, effort)
    if not candidate.problem:
        measure_memory(candidate, images)
