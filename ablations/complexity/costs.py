"""Tables of numbers: what blocks cost, alone, in a model, and landing by landing."""

from collections.abc import Sequence
from typing import Any

import torch
from pandas import DataFrame
from torch import Tensor, nn

from ablations.attention import create_attention
from ablations.attention.base import Evaluation
from ablations.complexity.counters import measure, parameters
from ablations.models import check_size, create_bare, create_model, place


def block_costs(
    names: Sequence[str], channels: int, height: int, width: int, evaluation: Evaluation
) -> DataFrame:
    """Params and macs of each block on one feature map (channels, height, width).

    uncounted lists the operators that fvcore does not know, most called first.
    """
    rows = []
    for name in names:
        cost = measure(
            create_attention(name, channels, evaluation), (1, channels, height, width)
        )
        operators = sorted(cost.uncounted, key=lambda name: -cost.uncounted[name])
        rows.append(
            {
                "block": name,
                "params": cost.params,
                "macs": cost.macs,
                "uncounted": ", ".join(name.removeprefix("aten::") for name in operators),
            }
        )
    return DataFrame(rows)


def model_costs(
    names: Sequence[str],
    model: str,
    encoder: str,
    placement: str,
    size: tuple[int, int],
    classes: int,
    evaluation: Evaluation,
) -> DataFrame:
    """Params and macs of a model with each block, and what that adds to the bare model.

    added_params and added_macs are differences, the shares of them are of the bare model.
    """
    shape = (1, 3, *size)
    rows = []
    for name in dict.fromkeys(["none", *names]):
        network = create_model(model, encoder, classes, name, placement, evaluation)
        check_size(network, *size)
        cost = measure(network, shape)
        rows.append({"block": name, "params": cost.params, "macs": cost.macs})
    table = DataFrame(rows)
    bare = table.iloc[0]
    for what in ("params", "macs"):
        table[f"added_{what}"] = table[what] - bare[what]
        table[f"added_{what}_share"] = table[f"added_{what}"] / bare[what]
    return table


def landing_costs(
    model: str,
    encoder: str,
    block: str,
    placement: str,
    size: tuple[int, int],
    evaluation: Evaluation,
) -> DataFrame:
    """One row per place of a block: path, channels, stride, params and macs added."""
    network = create_bare(model, encoder, classes=21).eval()
    landings = place(network, block, placement, evaluation)
    check_size(network, *size)
    shapes = input_shapes(
        network, {landing.path: landing.block for landing in landings}, size
    )
    rows = [
        {
            "path": landing.path,
            "channels": landing.channels,
            "stride": size[0] / shapes[landing.path][2],
            "params": parameters(landing.block),
            "macs": measure(landing.block, shapes[landing.path]).macs,
        }
        for landing in landings
        if landing.path in shapes
    ]
    return DataFrame(rows, columns=["path", "channels", "stride", "params", "macs"])


def input_shapes(
    network: nn.Module, blocks: dict[str, nn.Module], size: tuple[int, int]
) -> dict[str, tuple[int, ...]]:
    """The shape of what each block receives; a block that is never called has none."""
    shapes: dict[str, tuple[int, ...]] = {}

    def noting(path: str) -> Any:
        def note(module: nn.Module, arguments: tuple[Tensor]) -> None:
            shapes[path] = tuple(arguments[0].shape)

        return note

    handles = [
        block.register_forward_pre_hook(noting(path)) for path, block in blocks.items()
    ]
    with torch.no_grad():
        network.to("meta")(torch.empty(1, 3, *size, device="meta"))
    for handle in handles:
        handle.remove()
    for block in blocks.values():
        block.to_empty(device="cpu")
    return shapes
