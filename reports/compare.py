"""Two sets of runs of the same configurations, paired run by run: numbers."""

from collections.abc import Callable, Mapping, Sequence
from math import exp, log
from typing import Any, NamedTuple

from pandas import DataFrame

from ablations.errors import InputError, quoted
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from reports.baselines import by_setting
from reports.statistics import interval
from reports.tables import SETTING, block_names, block_order

SIDES = ("A", "B")
NAMED = 4  # keys in a message
Records = Sequence[RunRecord]


class Pair(NamedTuple):
    """One configuration, run in A and in B."""

    a: RunRecord
    b: RunRecord

    @property
    def difference(self) -> float:
        """Of mIoU, B minus A."""
        return self.b.miou - self.a.miou

    @property
    def is_equal(self) -> bool:
        """Whether all that was scored is equal, to the last bit."""
        return self.a.result == self.b.result


class Pairing(NamedTuple):
    pairs: list[Pair]
    only_a: list[RunRecord]
    only_b: list[RunRecord]


def paired(a: Records, b: Records, ignored: Sequence[str] = ()) -> Pairing:
    """Pair runs whose configurations are equal but for the keys that are ignored.

    Raises InputError if runs of one side differ in these keys alone, and if there is no
    pair.
    """
    ones, others = [
        by_configuration(records, ignored, side)
        for side, records in zip(SIDES, (a, b), strict=True)
    ]
    pairs = [Pair(ones[key], others[key]) for key in ones if key in others]
    if not pairs:
        raise InputError(f"no run of A is also in B{differing_keys(a, b)}")
    return Pairing(
        pairs,
        [record for key, record in ones.items() if key not in others],
        [record for key, record in others.items() if key not in ones],
    )


def by_configuration(
    records: Records, ignored: Sequence[str], side: str
) -> dict[RunConfig, RunRecord]:
    found: dict[RunConfig, RunRecord] = {}
    for record in records:
        key = record.config.model_copy(update=dict.fromkeys(ignored))
        if (before := found.setdefault(key, record)) is not record:
            ids = f"{before.config.run_id} and {record.config.run_id}"
            raise InputError(
                f"in {side}, {ids} differ only in what is ignored ({', '.join(ignored)})"
            )
    return found


def differing_keys(a: Records, b: Records) -> str:
    """The keys that no value in A and in B has in common, as advice."""
    values = [
        {key: {getattr(record.config, key) for record in records} for key in KEYS}
        for records in (a, b)
    ]
    keys = [key for key in KEYS if not values[0][key] & values[1][key]]
    if not keys:
        return ""
    one, other = (quoted(sorted(side[keys[0]], key=str)[0]) for side in values)
    names = ", ".join(keys[:NAMED]) + (" and others" if len(keys) > NAMED else "")
    return (
        f"; they differ in {names} ({keys[0]}: {one} in A, {other} in B), and --ignore "
        "pairs runs that differ in a key"
    )


KEYS = list(RunConfig.model_fields)


def compared_blocks(pairs: Sequence[Pair]) -> list[tuple[dict[str, object], DataFrame]]:
    """For each setting, as it is in A, a row per block.

    seeds             pairs behind the row
    miou_a, miou_b    mean mIoU
    difference        mean of mIoU in B minus that in A; _low, _high: its 95 % t interval
    seconds_ratio     geometric mean of training seconds in B over those in A
    equal             pairs whose scores are equal to the last bit
    """
    of_run = {id(pair.a): pair for pair in pairs}
    return [
        (
            dict(zip(SETTING, key, strict=False)),  # without the sources at its end
            DataFrame(block_rows([of_run[id(record)] for record in records])),
        )
        for key, records in by_setting(pair.a for pair in pairs).items()
    ]


def block_rows(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    groups: dict[str, list[Pair]] = {}
    names = block_names([pair.a for pair in pairs])
    for name, pair in zip(names, pairs, strict=True):
        groups.setdefault(name, []).append(pair)
    return [{"block": name} | row_of(groups[name]) for name in block_order(groups)]


def row_of(pairs: Sequence[Pair]) -> dict[str, Any]:
    differences = [pair.difference for pair in pairs]
    low, high = interval(differences)
    return {
        "seeds": len(pairs),
        "miou_a": mean([pair.a.miou for pair in pairs]),
        "miou_b": mean([pair.b.miou for pair in pairs]),
        "difference": mean(differences),
        "difference_low": low,
        "difference_high": high,
        "seconds_ratio": seconds_ratio(pairs),
        "equal": sum(pair.is_equal for pair in pairs),
    }


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def seconds_ratio(pairs: Sequence[Pair]) -> float:
    """Device seconds if all runs have them, else wall clock; NaN if a run took none."""
    seconds = device_seconds if all(map(has_device_seconds, pairs)) else wall_seconds
    times = [(seconds(pair.a), seconds(pair.b)) for pair in pairs]
    if any(one <= 0 or other <= 0 for one, other in times):
        return float("nan")
    return exp(mean([log(other / one) for one, other in times]))


def has_device_seconds(pair: Pair) -> bool:
    return None not in (pair.a.compute_seconds, pair.b.compute_seconds)


def device_seconds(record: RunRecord) -> float:
    return record.compute_seconds or 0.0


def wall_seconds(record: RunRecord) -> float:
    return record.train_seconds


# What runs may have been made with, by its name on a page.
ORIGINS: Mapping[str, Callable[[RunRecord], dict[str, str]]] = {
    "Device": lambda record: {"Device": record.device},
    "Version": lambda record: {f"Version of {k}": v for k, v in record.versions.items()},
    "Commit": lambda record: {"Commit": record.commit},
    "Data": lambda record: {"Data": record.data},
}


def origin(record: RunRecord) -> dict[str, str]:
    """Where a run comes from: device, versions, commit and data, by name."""
    facts: dict[str, str] = {}
    for find in ORIGINS.values():
        facts |= find(record)
    return facts


def changes(pairs: Sequence[Pair], ignored: Sequence[str]) -> DataFrame:
    """What differs but for the result: name, a and b, and in how many pairs."""
    counts: dict[tuple[str, str, str], int] = {}
    for pair in pairs:
        one, other = [
            origin(record) | {key: str(getattr(record.config, key)) for key in ignored}
            for record in pair
        ]
        for name in dict.fromkeys([*one, *other]):
            values = one.get(name, "not stated"), other.get(name, "not stated")
            if values[0] != values[1]:
                counts[name, *values] = counts.get((name, *values), 0) + 1
    rows = [(*change, number) for change, number in counts.items()]
    return DataFrame(rows, columns=["name", "a", "b", "pairs"])
