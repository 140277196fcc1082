"""Gates of blocks: results of sigmoids and hard sigmoids, wherever they are computed."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ablations.blocks import set_evaluation

LOW, HIGH = 0.05, 0.95  # beyond them the gradient of a sigmoid is below a fifth of its most
aten = torch.ops.aten
SIGMOIDS = {aten.sigmoid, aten.sigmoid_, aten.hardsigmoid, aten.hardsigmoid_}


class Gate(NamedTuple):
    """The values of one gate of a block."""

    saturated: float  # share of them below LOW or above HIGH
    lowest: float
    highest: float


class WatchedSigmoids(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps the result of every sigmoid, also of those inside autograd functions."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.results: list[Tensor] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in SIGMOIDS:
            self.results.append(result.clone())
        return result


def gates_of(block: nn.Module, x: Tensor) -> list[Gate]:
    """The gates that the block computes for x, evaluated as published."""
    with torch.no_grad(), WatchedSigmoids() as watched:
        set_evaluation(block, "direct")(x)
    return [gate_of(result) for result in watched.results if result.numel()]


def gate_of(values: Tensor) -> Gate:
    outside = (values < LOW) | (values > HIGH)
    return Gate(outside.double().mean().item(), values.min().item(), values.max().item())
