"""Tables of numbers: what blocks cost, alone, in a model, and landing by landing."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from pandas import DataFrame

from ablations.attention.base import EVALUATIONS, Evaluation
from ablations.complexity.composition import Setting, model_cost, site_cost, sites
from ablations.complexity.conventions import Convention
from ablations.complexity.counters import measure
from ablations.complexity.counts import BlockCounts, Counts, ModelCounts
from ablations.errors import InputError
from ablations.models import check_size, create_model

COLUMNS = ["block", "params", *EVALUATIONS, "uncounted", "problem"]


def counts_of_blocks(
    names: Iterable[str], channels: int, size: tuple[int, int]
) -> list[BlockCounts]:
    """Each block alone, in both evaluations."""
    return [
        BlockCounts(name, evaluation, channels, size)
        for name in names
        for evaluation in EVALUATIONS
    ]


def counts_of_models(names: Iterable[str], setting: Setting) -> list[ModelCounts]:
    """A model with each block, in both evaluations; the bare model first."""
    check_size(setting.model, setting.encoder, *setting.size)
    return [
        ModelCounts(name, evaluation, setting)
        for name in dict.fromkeys(["none", *names])
        for evaluation in EVALUATIONS
    ]


def cost_table(counts: Iterable[Counts], convention: Convention) -> DataFrame:
    """One row per block, in the order given.

    direct is as published, fast as this suite runs it, both under the convention.
    uncounted lists the latter's operators that fvcore does not know, most called first.
    Raises InputError where a block cannot be built.
    """
    rows = []
    for name, pair in groupby(counts, key=lambda one: one.block):
        direct, fast = pair
        called = fast.cost.uncounted
        rows.append(
            {
                "block": name,
                "params": fast.params,
                "direct": convention.total(direct),
                "fast": convention.total(fast),
                "uncounted": ", ".join(sorted(called, key=lambda name: -called[name])),
            }
        )
    return DataFrame(rows)


def with_added(table: DataFrame) -> DataFrame:
    """With added_*, what each row adds to the first, and that as a share of the first."""
    bare = table.iloc[0]
    for what in ("params", *EVALUATIONS):
        table[f"added_{what}"] = table[what] - bare[what]
        table[f"added_{what}_share"] = table[what] / bare[what] - 1
    return table


def survey(
    names: Sequence[str], settings: Iterable[Setting], convention: Convention
) -> Iterator[tuple[DataFrame, list[ModelCounts]]]:
    """A cost_table per setting, with what it adds, and the counts behind it.

    Where a block does not fit, problem says why, and its costs are missing.
    """
    for setting in settings:
        rows, counted = [], []
        for name, pair in groupby(counts_of_models(names, setting), lambda one: one.block):
            both = list(pair)
            try:
                rows += cost_table(both, convention).to_dict("records")
                counted += both
            except InputError as error:
                rows.append({"block": name, "problem": str(error)})
        table = with_added(DataFrame(rows, columns=COLUMNS))
        for place, what in enumerate(("model", "encoder", "placement")):
            table.insert(place, what, getattr(setting, what))
        yield table, counted


def whole_costs_the_sum(block: str, setting: Setting, evaluation: Evaluation) -> bool:
    """Whether a model with blocks, built and counted at once, costs what its parts cost."""
    names = (setting.model, setting.encoder, setting.classes)
    whole = create_model(*names, block, setting.placement, evaluation)
    cost = model_cost(setting, block, evaluation)
    return measure(whole, (1, 3, *setting.size))[:3] == cost[:3]


def landing_costs(block: str, setting: Setting, evaluation: Evaluation) -> DataFrame:
    """One row per place of a block: path, channels, stride, params and macs added."""
    check_size(setting.model, setting.encoder, *setting.size)
    rows = []
    for site in sites(setting) if block != "none" else ():
        if site.size:
            cost = site_cost(site, block, evaluation)
            rows.append(
                {
                    "path": site.path,
                    "channels": site.channels,
                    "stride": setting.size[0] / site.size[0],
                    "params": cost.params,
                    "macs": cost.macs,
                }
            )
    return DataFrame(rows, columns=["path", "channels", "stride", "params", "macs"])
