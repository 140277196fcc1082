"""Tables of numbers: what blocks cost, alone, in a model, and landing by landing."""

from collections.abc import Sequence

from pandas import DataFrame

from ablations.attention.base import Evaluation
from ablations.complexity.any_resolution import (
    block_cost,
)
from ablations.complexity.composition import (
    Setting,
    model_cost,
    site_cost,
    sites,
)
from ablations.models import check_size

EVALUATIONS: tuple[Evaluation, ...] = ("direct", "fast")


def block_costs(names: Sequence[str], channels: int, height: int, width: int) -> DataFrame:
    """What each block costs on one feature map (channels, height, width).

    macs_direct is as published, macs_fast as this suite runs it. uncounted lists the
    operators of the latter that fvcore does not know, most called first.
    """
    size = (height, width)
    rows = []
    for name in names:
        direct = block_cost(name, channels, "direct", size)
        fast = block_cost(name, channels, "fast", size)
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
    setting = Setting(model, encoder, placement, classes, size)
    table = DataFrame(
        [model_row(setting, name) for name in dict.fromkeys(["none", *names])]
    )
    return with_added(table)


def model_row(setting: Setting, name: str) -> dict[str, object]:
    direct = model_cost(setting, name, "direct")
    fast = model_cost(setting, name, "fast")
    return {
        "block": name,
        "params": fast.params,
        "macs_direct": direct.macs,
        "macs_fast": fast.macs,
    }


def with_added(table: DataFrame) -> DataFrame:
    """With what each row adds to the first."""
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
    setting = Setting(model, encoder, placement, classes, size)
    rows = []
    for site in sites(setting) if block != "none" else ():
        if site.size:
            cost = site_cost(site, block, evaluation)
            rows.append(
                {
                    "path": site.path,
                    "channels": site.channels,
                    "stride": size[0] / site.size[0],
                    "params": cost.params,
                    "macs": cost.macs,
                }
            )
    return DataFrame(rows, columns=["path", "channels", "stride", "params", "macs"])
