"""Runs grouped by setting, each group with its baselines and tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pandas import DataFrame

from ablations.records import RunRecord
from reports.baselines import grouped
from reports.paired_tests import with_tests
from reports.tables import (
    Noise,
    block_comparison,
    curves,
    noise_floor,
    runs_table,
)


@dataclass(frozen=True)
class Comparison:
    """The runs of one setting, and the tables of those that can be compared."""

    setting: dict[str, object]
    records: list[RunRecord]  # those that have a baseline with the same seed
    orphans: list[RunRecord]  # those that do not
    repeats: list[RunRecord]  # further runs of a configuration and seed: in no mean
    notes: list[str] = field(default_factory=list)  # about its baselines

    @cached_property
    def runs(self) -> DataFrame:
        return runs_table(self.records)

    @cached_property
    def numbers(self) -> DataFrame:
        return with_tests(block_comparison(self.runs), self.runs)

    @property
    def noise(self) -> Noise | None:
        """None without repeats."""
        return noise_floor([*self.records, *self.orphans, *self.repeats])

    @property
    def curves(self) -> DataFrame:
        return curves(self.records)


def comparisons(records: Iterable[RunRecord]) -> list[Comparison]:
    """One comparison per setting, in the order of registries and numbers."""
    return [
        comparison(group.setting, group.records, group.notes) for group in grouped(records)
    ]


def comparison(
    setting: dict[str, object], records: Sequence[RunRecord], notes: list[str]
) -> Comparison:
    """Of a configuration and seed that was repeated, only the first run is compared."""
    least: dict[tuple[str, str, int], int] = {}  # the number of the first repeat
    for record in records:
        number, run = record.config.repeat, unrepeated(record)
        least[run] = min(number, least.get(run, number))
    first = [r for r in records if r.config.repeat == least[unrepeated(r)]]
    repeats = [r for r in records if r.config.repeat > least[unrepeated(r)]]
    return Comparison(setting, *with_baseline(first), repeats, notes)


def unrepeated(record: RunRecord) -> tuple[str, str, int]:
    """What repeats in one setting share."""
    config = record.config
    return config.placed_block, config.source, config.seed


def with_baseline(
    records: Sequence[RunRecord],
) -> tuple[list[RunRecord], list[RunRecord]]:
    """The runs of one setting that have a baseline with their seed, and those without."""
    seeds = {r.config.seed for r in records if r.config.block == "none"}
    return (
        [record for record in records if record.config.seed in seeds],
        [record for record in records if record.config.seed not in seeds],
    )
