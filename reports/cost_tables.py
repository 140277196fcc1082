"""Tables of numbers: what blocks cost, alone, in a model, and site by site."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, TypeVar

from pandas import DataFrame

from ablations.attention.base import EVALUATIONS
from ablations.complexity.control_costs import ControlCost
from ablations.complexity.conventions import Convention
from ablations.complexity.site_costs import SiteCost
from ablations.complexity.subjects import (
    Counts,
    ModelCounts,
    Setting,
    counts_of_models,
)
from ablations.errors import InputError

C = TypeVar("C", bound=Counts)

COLUMNS = ["block", "params", *EVALUATIONS, "uncounted", "problem"]


def cost_table(counts: Iterable[Counts], convention: Convention) -> DataFrame:
    """One row per block, in the order of counts.

    direct is as published, fast as this suite runs it, both by the convention.
    uncounted lists the operators of fast that fvcore does not know, most frequent first.
    A figure is text if some operators are uncounted. A block that does not fit has a
    problem instead of figures.
    """
    pairs = groupby(counts, key=lambda one: one.block)
    rows = [cost_row(name, list(pair), convention) for name, pair in pairs]
    return DataFrame(rows, columns=COLUMNS)


def cost_row(name: str, pair: Sequence[Counts], convention: Convention) -> dict[str, Any]:
    direct, fast = pair
    try:
        calls = fast.cost.uncounted
        return {
            "block": name,
            "params": fast.params,
            "direct": convention.total(direct),
            "fast": convention.total(fast),
            "uncounted": ", ".join(sorted(calls, key=lambda name: -calls[name])),
        }
    except InputError as error:
        return {"block": name, "problem": str(error)}


def that_fit(counts: Iterable[C], table: DataFrame) -> list[C]:
    """The counts of the blocks that have no problem in the table."""
    problems = set(table.loc[table["problem"].notna(), "block"])
    return [one for one in counts if one.block not in problems]


def with_added(table: DataFrame) -> DataFrame:
    """Add added_*: what each row adds to the first row, and its share of the first."""
    bare = table.iloc[0]
    for name in ("params", *EVALUATIONS):
        table[f"added_{name}"] = [added(value, bare[name]) for value in table[name]]
        table[f"added_{name}_share"] = [share(value, bare[name]) for value in table[name]]
    return table


def added(value: Any, bare: Any) -> Any:
    """The difference, or the text that says what is not counted."""
    texts = [either for either in (value, bare) if isinstance(either, str)]
    return texts[0] if texts else value - bare


def share(value: Any, bare: Any) -> float:
    """NaN if either is not counted, or bare is zero."""
    missing = isinstance(added(value, bare), str) or not bare
    return math.nan if missing else value / bare - 1


def survey(
    names: Sequence[str], settings: Iterable[Setting], convention: Convention
) -> Iterator[tuple[DataFrame, list[ModelCounts]]]:
    """A cost_table per setting, with added costs, and the counts behind it.

    If a block does not fit, problem says why, and its costs are missing.
    """
    for setting in settings:
        counts = counts_of_models(names, setting)
        table = with_added(cost_table(counts, convention))
        table.insert(0, "model", setting.bare.model)
        table.insert(1, "encoder", setting.bare.encoder)
        table.insert(2, "placement", setting.placement)
        yield table, that_fit(counts, table)


def site_table(costs: Iterable[SiteCost]) -> DataFrame:
    """One row per site of a block."""
    return DataFrame(costs, columns=SiteCost._fields)


def control_table(costs: Iterable[ControlCost]) -> DataFrame:
    """One row per site; *_difference is what a control adds to its block's, as a share."""
    table = DataFrame(costs, columns=ControlCost._fields)
    for name in ("params", "macs"):
        pairs = zip(table[name], table[f"block_{name}"], strict=True)
        table[f"{name}_difference"] = [share(own, block) for own, block in pairs]
    return table
