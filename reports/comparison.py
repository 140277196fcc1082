"""Runs grouped by setting, each group with its baselines and tables."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from pandas import DataFrame

from ablations.placements import PLACEMENTS
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from reports.tables import (
    SETTING,
    Noise,
    block_comparison,
    curves,
    noise_floor,
    runs_table,
)

PLACEMENT_ORDER = list(PLACEMENTS)


@dataclass(frozen=True)
class Comparison:
    """The runs of one setting, and the tables of those that can be compared."""

    setting: dict[str, object]
    records: list[RunRecord]  # those that have a baseline with the same seed
    orphans: list[RunRecord]  # those that do not
    repeats: list[RunRecord]  # further runs of a configuration and seed: in no mean

    @cached_property
    def runs(self) -> DataFrame:
        return runs_table(self.records)

    @cached_property
    def numbers(self) -> DataFrame:
        return block_comparison(self.runs)

    @property
    def noise(self) -> Noise | None:
        """None without repeats."""
        return noise_floor([*self.records, *self.orphans, *self.repeats])

    @property
    def curves(self) -> DataFrame:
        return curves(self.records)


def comparisons(records: Iterable[RunRecord]) -> list[Comparison]:
    """One comparison per setting, ordered by names and numbers."""
    return [comparison(setting, group) for setting, group in settings(records)]


def comparison(setting: dict[str, object], records: Sequence[RunRecord]) -> Comparison:
    """Of a configuration and seed that was repeated, only the first run is compared."""
    least: dict[RunConfig, int] = {}  # the number of the first repeat
    for config in (record.config for record in records):
        once = unrepeated(config)
        least[once] = min(config.repeat, least.get(once, config.repeat))
    first = [r for r in records if r.config.repeat == least[unrepeated(r.config)]]
    repeats = [r for r in records if r.config.repeat > least[unrepeated(r.config)]]
    return Comparison(setting, *with_baseline(first), repeats)


def unrepeated(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"repeat": 0})


def settings(
    records: Iterable[RunRecord],
) -> list[tuple[dict[str, object], list[RunRecord]]]:
    """Each setting and its runs, ordered by names and numbers."""
    groups: dict[tuple[object, ...], list[RunRecord]] = {}
    for record in records:
        key = tuple(getattr(record.config, name) for name in SETTING)
        groups.setdefault(key, []).append(record)
    ordered = sorted(groups, key=lambda key: [rank(value) for value in key])
    return [(dict(zip(SETTING, key, strict=True)), groups[key]) for key in ordered]


def rank(value: object) -> tuple[int, float, str]:
    """None, then numbers, then names: placements in registry order, others by letter."""
    if isinstance(value, int | float):
        return 1, value, ""
    name = re.split("[@+]", str(value))[0]  # of a placement, its first term's
    place = PLACEMENT_ORDER.index(name) if name in PLACEMENT_ORDER else 999
    return (0, 0, "") if value is None else (2, place, str(value))


def with_baseline(
    records: Sequence[RunRecord],
) -> tuple[list[RunRecord], list[RunRecord]]:
    """The runs of one setting that have a baseline with their seed, and those without."""
    seeds = {r.config.seed for r in records if r.config.block == "none"}
    return (
        [record for record in records if record.config.seed in seeds],
        [record for record in records if record.config.seed not in seeds],
    )
