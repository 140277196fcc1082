"""Every block in every study: one row each, with what it adds to the network."""

from collections.abc import Sequence

import pandas as pd
from pandas import DataFrame

from reports.columns import BLOCK
from reports.overview.outcome import Outcome, Studied
from reports.overview.times import COLUMNS
from reports.page import Column, Table
from reports.tables import block_order
from reports.units import either, points, probability, share

MISSING = Outcome(float("nan"), float("nan"), float("nan"), float("nan"), 0)


def overview_table(
    studies: Sequence[Studied], name: str, times: DataFrame | None = None
) -> Table:
    """times: also those of read_times."""
    blocks = block_order(block for study in studies for block in study.outcomes)
    values: dict[str, list[object]] = {"block": [*blocks]}
    columns = [BLOCK]
    for study in studies:
        values |= numbers(study, blocks)
        columns += study_columns(study)
    frame = DataFrame(values)
    price = prices(studies)
    if price is not None:
        frame = frame.merge(price, on="block", how="left")
        columns += [
            Column("added_params_share", "Params", share, group="Added"),
            Column("added_macs_share", "MACs", share, group="Added"),
        ]
    if times is not None:
        frame = frame.merge(times, on="block", how="left")
        columns += COLUMNS
    return Table(frame, columns, name)


def numbers(study: Studied, blocks: Sequence[str]) -> dict[str, list[object]]:
    """NAME_value, NAME_low, NAME_high, NAME_p; of a probe also NAME_solved, as text."""
    found = [study.outcomes.get(block, MISSING) for block in blocks]
    columns: dict[str, list[object]] = {
        f"{study.name}_{part}": [getattr(one, part) for one in found]
        for part in ("value", "low", "high", "p", "pairs")
    }
    if study.is_probe:
        counts = [one.solved for one in found]
        columns[f"{study.name}_solved"] = [str(one) if one else None for one in counts]
    return columns


def study_columns(study: Studied) -> list[Column]:
    name = study.name
    if study.is_probe:
        return [
            Column(f"{name}_solved", "solved", either(str), group=name),
            Column(f"{name}_p", "p (Holm)", probability, group=name),
        ]
    return interval_columns(name, "value", "gain")


def interval_columns(study: str, mean: str, header: str) -> list[Column]:
    """The mean, interval and p of one study, in columns such as STUDY_low."""
    return [
        Column(f"{study}_{mean}", header, points, group=study),
        Column(f"{study}_low", "95 %", points, group=study, upto=f"{study}_high"),
        Column(f"{study}_p", "p (Holm)", probability, group=study),
    ]


def prices(studies: Sequence[Studied]) -> DataFrame | None:
    """What blocks add in the last study that is no probe, averaged over its settings."""
    plain = [study for study in studies if not study.is_probe]
    if not plain:
        return None
    columns = ["block", "added_params_share", "added_macs_share"]
    tables = [one.numbers[columns] for one in plain[-1].told]
    means: DataFrame = pd.concat(tables).groupby("block", as_index=False).mean()
    return means
