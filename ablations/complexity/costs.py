"""Tables of numbers: what blocks cost, alone, in a model, and landing by landing."""

from collections.abc import Sequence
from typing import Any

import torch
from pandas import DataFrame
from torch import Tensor, nn

from ablations.attention import create_attention, set_evaluation
from ablations.attention.base import Evaluation
from ablations.complexity.counters import measure, parameters
from ablations.models import check_size, create_bare, create_model, place


def block_costs(names: Sequence[str], channels: int, height: int, width: int) -> DataFrame:
    """What each block costs on one feature map (channels, height, width).

    macs_direct is as published, macs_fast as this suite runs it. uncounted lists the
    operators of the latter that fvcore does not know, most called first.
    """
    shape = (1, channels, height, width)
    rows = []
    for name in names:
        direct = measure(create_attention(name, channels, "direct"), shape)
        fast = measure(create_attention(name, channels, "fast"), shape)
        operators = sorted(fast.uncounted, key=lambda name: -fast.uncounted[name])
        rows.append(
            {
                "block": name,
                "params": fast.params,
                "macs_direct": direct.macs,
                "macs_fast": fast.macs,
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
) -> DataFrame:
    """What a model costs with each block, and what that adds to the bare model.

    macs_direct is as published, macs_fast as this suite runs it; added_* are differences,
    and their shares are of the bare model.
    """
    check_size(model, encoder, *size)
    shape = (1, 3, *size)
    rows = []
    for name in dict.fromkeys(["none", *names]):
        network = create_model(model, encoder, classes, name, placement, "direct")
        direct = measure(network, shape)
        fast = measure(set_evaluation(network, "fast"), shape)
        rows.append(
            {
                "block": name,
                "params": fast.params,
                "macs_direct": direct.macs,
                "macs_fast": fast.macs,
            }
        )
    table = DataFrame(rows)
    bare = table.iloc[0]
    for what in ("params", "macs_direct", "macs_fast"):
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
    classes: int = 21,
) -> DataFrame:
    """One row per place of a block: path, channels, stride, params and macs added."""
    check_size(model, encoder, *size)
    network = create_bare(model, encoder, classes).eval()
    landings = place(network, block, placement, evaluation)
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
