"""The runs that a view is made of, each with its values of the keys and its baseline."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ablations.records import RunRecord
from reports.baselines import KEYS
from reports.comparison import Comparison
from reports.order import Rank, rank
from reports.tables import block_names, block_place

Values = tuple[object, ...]


class Run(NamedTuple):
    """A run in one setting; a baseline that stands in several settings is one in each."""

    record: RunRecord
    values: Mapping[str, object]  # block, seed, init, and the keys of the setting
    baseline: RunRecord | None  # of the same setting and seed

    @property
    def is_baseline(self) -> bool:
        return self.record.config.block == "none"

    def at(self, keys: Sequence[str]) -> Values:
        return tuple(self.values.get(key) for key in keys)


def runs_of(compared: Sequence[Comparison], with_init: bool) -> list[Run]:
    """The first run of each configuration and seed, with or without a baseline.

    with_init: init is a key of its own, so that the baseline, which has none, stands beside
    each; else it is part of the block's name.
    """
    records = [record for one in compared for record in (*one.records, *one.orphans)]
    names = dict(zip(map(id, records), names_of(records, with_init), strict=True))
    return [run for one in compared for run in runs_in(one, names, with_init)]


def names_of(records: Sequence[RunRecord], with_init: bool) -> list[str]:
    """By block_names: versions of a user's own block are blocks of their own."""
    if not with_init:
        return block_names(records)
    plain = {"init": "plain"}
    bare = [
        r.model_copy(update={"config": r.config.model_copy(update=plain)}) for r in records
    ]
    return block_names(bare)


def runs_in(
    comparison: Comparison, names: Mapping[int, str], with_init: bool
) -> Iterator[Run]:
    baselines = {r.config.seed: r for r in comparison.records if r.config.block == "none"}
    everything = [*comparison.records, *comparison.orphans]
    starts = list(
        dict.fromkeys(r.config.init for r in everything if r.config.block != "none")
    )
    for record in everything:
        config = record.config
        shared = with_init and config.block == "none" and starts
        for init in starts if shared else [config.init]:
            own = {"block": names[id(record)], "seed": config.seed, "init": init}
            values = {**comparison.setting, **own}
            yield Run(record, values, baselines.get(config.seed))


def varying(compared: Sequence[Comparison]) -> dict[str, list[object]]:
    """The keys in which settings differ, with their values in order."""
    found = {key: {one.setting.get(key) for one in compared} for key in KEYS}
    return {
        key: sorted(values, key=lambda value: place_of(key, value))
        for key, values in found.items()
        if len(values) > 1
    }


def place_of(key: str, value: object) -> Rank:
    return block_place(str(value)) if key == "block" else rank(key, value)


def in_order(keys: Sequence[str], values: Iterable[Values]) -> list[Values]:
    """Each different combination of values once."""
    return sorted(
        {*values},
        key=lambda found: [place_of(*pair) for pair in zip(keys, found, strict=True)],
    )
