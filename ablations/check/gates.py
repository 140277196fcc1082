"""Gates of blocks: results of sigmoids and hard sigmoids, wherever they are computed."""

from collections.abc import Mapping, Sequence, Set
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


class Watched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps every result of some operators, also of those inside autograd functions."""

    def __init__(self, operators: Set[Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operators = operators
        self.results: list[tuple[Any, Tensor]] = []  # operator, result

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in self.operators:
            self.results.append((func.overloadpacket, result.clone()))
        return result


def gates_of(block: nn.Module, x: Tensor) -> list[Gate]:
    """The gates that the block computes for x, evaluated as published."""
    with torch.no_grad(), Watched(SIGMOIDS) as watched:
        set_evaluation(block, "direct")(x)
    return [gate_of(result) for _, result in watched.results if result.numel()]


def gate_of(values: Tensor) -> Gate:
    outside = (values < LOW) | (values > HIGH)
    return Gate(outside.double().mean().item(), values.min().item(), values.max().item())
