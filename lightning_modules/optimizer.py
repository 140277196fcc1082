"""The optimizer of a run and its learning rates: built, and read back."""

from collections.abc import Iterable
from typing import Any

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim import Optimizer

from ablations.run_config import RunConfig
from lightning_modules.freezing import OwnParts
from lightning_modules.schedule import WarmPoly


def create_optimizer(
    parameters: Iterable[nn.Parameter], own: OwnParts, config: RunConfig
) -> OptimizerLRScheduler:
    """With its schedule; frozen parameters are left out."""
    groups = parameter_groups(parameters, own, config)
    optimizer: Optimizer
    if config.optimizer == "sgd":
        optimizer = torch.optim.SGD(
            groups, config.lr, config.momentum, weight_decay=config.weight_decay
        )
    else:
        optimizer = torch.optim.AdamW(groups, config.lr, weight_decay=config.weight_decay)
    schedule = WarmPoly(optimizer, config)
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": schedule, "interval": "step"},
    }


def parameter_groups(
    parameters: Iterable[nn.Parameter], own: OwnParts, config: RunConfig
) -> list[dict[str, Any]]:
    """One group, or a second one for the encoder if its learning rate differs."""
    frozen, encoder = set(own.frozen(config.freeze)), set(own.parameters)
    trained = [p for p in parameters if p not in frozen]
    if config.encoder_lr_factor == 1:
        return [{"params": trained}]
    rate = config.lr * config.encoder_lr_factor
    return [
        {"params": [p for p in trained if p not in encoder]},
        {"params": [p for p in trained if p in encoder], "lr": rate},
    ]


def in_use(optimizer: Optimizer, own: OwnParts, config: RunConfig) -> dict[str, Any]:
    """What an optimizer does, by key of RunConfig; several values of one key as a list."""
    groups = optimizer.param_groups
    rates = {p: group["initial_lr"] for group in groups for p in group["params"]}
    encoder = set(own.parameters)
    lr = one({rate for p, rate in rates.items() if p not in encoder})
    factors = {factor(rate, lr, config) for p, rate in rates.items() if p in encoder}
    return {
        "optimizer": type(optimizer).__name__.lower(),
        "lr": lr,
        "momentum": one({group.get("momentum", config.momentum) for group in groups}),
        "weight_decay": one({group["weight_decay"] for group in groups}),
        "freeze": own.freeze_in_use(rates),
        "encoder_lr_factor": one(factors or {1.0}),
    }


def factor(rate: float, lr: Any, config: RunConfig) -> Any:
    """The learning rate of the encoder over lr, without the rounding of a quotient."""
    if rate == config.lr * config.encoder_lr_factor:
        return config.encoder_lr_factor
    return rate / lr if isinstance(lr, float) and lr else rate


def one(values: set[Any]) -> Any:
    return next(iter(values)) if len(values) == 1 else sorted(values)
