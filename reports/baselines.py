"""Which baseline a run is paired with.

A network without blocks has no use for a placement or an evaluation. So a study may train
its baseline once, with any of them, and compare blocks at several placements with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ablations.records import RunRecord
from ablations.timings import OF_BLOCKS
from reports.completeness import LISTED
from reports.order import Rank, rank
from reports.tables import SETTING
from reports.write.cells import shortened

UNUSED = [name for name in SETTING if name in OF_BLOCKS]  # by a baseline
KEYS = [*SETTING, "source"]

Values = tuple[object, ...]  # of KEYS


class Group(NamedTuple):
    """The runs of one setting, with baselines of equal settings where it has none."""

    setting: dict[str, object]
    records: list[RunRecord]
    notes: list[str]


def grouped(records: Iterable[RunRecord]) -> list[Group]:
    """One group per setting, in the order of registries and numbers."""
    ordered = by_setting(records)
    offered = offers(ordered)
    used = {key for key, group in ordered.items() if not is_bare(group)}
    choices = {key: chosen(key, ordered[key], offered) for key in used}
    lent = {(donor, seed) for one in choices.values() for seed, donor in one.items()}
    names = setting_names(ordered)
    groups = []
    for key, group in ordered.items():
        setting = dict(zip(names[key[:-1]], key, strict=False))
        if key in used:
            borrowed = {s: one for s, one in choices[key].items() if one != key}
            more = [r for s, one in borrowed.items() for r in offered[bare(key)][s][one]]
            notes = borrowing_notes(borrowed, offered.get(bare(key), {}))
            groups.append(Group(setting, [*group, *more], notes))
        elif any((key, record.config.seed) not in lent for record in group):
            groups.append(Group(setting, group, []))
    return groups


def by_setting(records: Iterable[RunRecord]) -> dict[Values, list[RunRecord]]:
    """The runs of each setting alone, in the order of registries and numbers."""
    own: dict[Values, list[RunRecord]] = {}
    for record in records:
        own.setdefault(values_of(record), []).append(record)
    return {key: own[key] for key in sorted(own, key=ranks)}


def values_of(record: RunRecord) -> Values:
    """The setting of a run: with the sources of a user's own data set and placement."""
    config = record.config
    sources = [one for one in config.source.split(",") if not one.startswith("block=")]
    return (*(getattr(config, name) for name in SETTING), ",".join(sources))


def ranks(values: Values) -> list[Rank]:
    return [rank(name, value) for name, value in zip(KEYS, values, strict=True)]


def bare(values: Values) -> Values:
    """What is left of a setting if there are no blocks: equal ones have one baseline."""
    *others, source = values
    left = [
        None if name in UNUSED else value
        for name, value in zip(SETTING, others, strict=True)
    ]
    parts = str(source).split(",")
    return (*left, ",".join(part for part in parts if not part.startswith("placement=")))


def is_bare(records: Sequence[RunRecord]) -> bool:
    return all(record.config.block == "none" for record in records)


# By the bare setting, the seed and the setting that trained them: baselines.
Offers = dict[Values, dict[int, dict[Values, list[RunRecord]]]]


def offers(groups: Mapping[Values, Sequence[RunRecord]]) -> Offers:
    """All baselines, those of one seed in the order of their settings."""
    found: Offers = {}
    for key, group in groups.items():
        for record in group:
            if record.config.block == "none":
                seeds = found.setdefault(bare(key), {})
                donors = seeds.setdefault(record.config.seed, {})
                donors.setdefault(key, []).append(record)
    return found


def chosen(key: Values, records: Sequence[RunRecord], offered: Offers) -> dict[int, Values]:
    """By seed, the setting whose baseline is taken: this one, the same placement, any.

    A setting with baselines of its own takes others only for seeds of its blocks.
    """
    placement = SETTING.index("placement")
    seeds = offered.get(bare(key), {})
    if any(key in donors for donors in seeds.values()):
        own = {record.config.seed for record in records}
        seeds = {seed: donors for seed, donors in seeds.items() if seed in own}
    found: dict[int, Values] = {}
    for seed, donors in seeds.items():
        near = (donor for donor in donors if donor[placement] == key[placement])
        found[seed] = key if key in donors else next(near, next(iter(donors)))
    return found


def borrowing_notes(
    borrowed: Mapping[int, Values], offered: Mapping[int, Mapping[Values, object]]
) -> list[str]:
    """Which baselines stand in, and whether there were several to choose from."""
    seeds: dict[Values, list[int]] = {}
    for seed, donor in borrowed.items():
        seeds.setdefault(donor, []).append(seed)
    return [
        borrowing_note(donor, numbers, max(len(offered[seed]) for seed in numbers))
        for donor, numbers in seeds.items()
    ]


def borrowing_note(donor: Values, seeds: Sequence[int], equal: int) -> str:
    few = ", ".join(map(str, sorted(seeds)[:LISTED]))
    which = f"seed{'s' if len(seeds) > 1 else ''} {few}{', ...' * (len(seeds) > LISTED)}"
    where = ", ".join(f"{name} {shortened(donor[SETTING.index(name)])}" for name in UNUSED)
    several = f"; it is the first of {equal} equal ones" if equal > 1 else ""
    return (
        f"The baseline of {which} was trained with {where}, which have no effect without "
        f"blocks{several}."
    )


def setting_names(keys: Iterable[Values]) -> dict[Values, list[str]]:
    """The keys that name each setting; with the source if equal ones differ in it alone."""
    sources: dict[Values, set[object]] = {}
    for key in keys:
        sources.setdefault(key[:-1], set()).add(key[-1])
    return {
        values: KEYS if len(found) > 1 else SETTING for values, found in sources.items()
    }
