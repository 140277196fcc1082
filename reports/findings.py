"""What a page opens with: what was asked and found, what is undecided, what is missing.

Sentences are made from numbers. Settings of a probe have their own, see probe_section.py.
"""

from collections.abc import Sequence
from math import isnan

from reports.comparison import Comparison
from reports.completeness import plural
from reports.controls import Pair
from reports.estimates import (
    Family,
    adjusted,
    against_controls,
    against_none,
    over_seeds,
    over_settings,
)
from reports.finding_words import Named, decided, limited, listed, outlook, undecided
from reports.page import Items, Part, Strong, Text
from reports.probe_tables import is_probe
from reports.question import asked, settings_by_what_varies
from reports.units import percent, spoken
from reports.write.cells import shortened


def findings(compared: Sequence[Comparison], missing: Sequence[str]) -> list[Part]:
    """The sentences of all settings but probes; missing are planned runs by their ids."""
    plain = [one for one in compared if not is_probe(one)]
    if not plain:
        return []
    told = [one for one in plain if has_gains(one)]
    lines = compared_lines(told) if told else nothing_compared(plain)
    lines.append(("Missing", lacking(plain, missing)))
    items = [Text(Strong(f"{name}:"), f" {line}") for name, line in lines if line]
    return [Items(items)] if items else []


def has_gains(comparison: Comparison) -> bool:
    return bool(comparison.records) and bool(against_none(comparison))


def compared_lines(told: Sequence[Comparison]) -> list[tuple[str, str]]:
    """A label and its sentences; empty where there is nothing to say."""
    gains = [against_none(one) for one in told]
    asks = ("Asked", asked(told, gains))
    if len(told) == 1:
        family = by_name(over_seeds(gains[0]))
        found = [*conclusions(family, "seed"), ("Noise", noise(told[0]))]
        controls = over_seeds(against_controls(told[0]))
        return [asks, *found, ("Controls", about_controls(controls, "seed"))]
    family = by_name(over_settings(gains))
    found = conclusions(family, "setting")
    controls = over_settings([against_controls(one) for one in told])
    return [
        asks,
        *found,
        ("Single settings", single_settings(told)),
        ("Controls", about_controls(controls, "setting")),
    ]


def conclusions(family: Named, noun: str) -> list[tuple[str, str]]:
    """noun is what pairs are: seed or setting."""
    equal = [name for name, one in family.items() if one.equal]
    unknown = [name for name, one in family.items() if isnan(one.gain)]
    weights = "averaged over settings with equal weights, " if noun == "setting" else ""
    found = decided(family, noun)
    return [
        ("Found", weights + found if found else ""),
        ("Not decided", joined(undecided(family, noun), outlook(family, noun))),
        ("Unchanged", unchanged(equal, noun)),
        ("Not a number", f"the gain of {listed(unknown)}." if unknown else ""),
    ]


def unchanged(equal: Sequence[str], noun: str) -> str:
    if not equal:
        return ""
    pairs = "every run has" if noun == "seed" else "the runs of every setting have"
    return (
        f"with {listed(limited(equal))} {pairs} exactly the mIoU of the baseline, as if "
        "the block were not in the network."
    )


def noise(comparison: Comparison) -> str:
    """How far equal runs are apart, if any was repeated."""
    if comparison.noise is None:
        return ""
    largest = percent(comparison.noise.largest)
    return f"runs of the same block and seed differ by up to {largest} points."


def single_settings(told: Sequence[Comparison]) -> str:
    """The exceptions: what single settings show, with a correction for all of them."""
    names = settings_by_what_varies(told)
    every = {
        f"{shown(block)} in {name}": one
        for name, comparison in zip(names, told, strict=True)
        for block, one in over_seeds(against_none(comparison)).items()
    }
    return decided(adjusted(every), "seed")


def about_controls(family: Family[Pair], noun: str) -> str:
    """Whether blocks differ from plain bottlenecks of the same cost."""
    pairs = [
        (shown(block), shown(control), one) for (block, control), one in family.items()
    ]
    found = decided({f"{one} than with {other}": e for one, other, e in pairs}, noun)
    left = undecided({f"{one} against {other}": e for one, other, e in pairs}, noun)
    return joined(found, left)


def joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def by_name(family: Family[str]) -> Named:
    return {shown(block): one for block, one in family.items()}


def shown(block: str) -> str:
    return shortened(spoken(block), 80)


def nothing_compared(plain: Sequence[Comparison]) -> list[tuple[str, str]]:
    """Why no gain can be stated."""
    records = [record for one in plain for record in one.records]
    if all(record.config.block != "none" for record in records):
        reason = "there is no run without a block, so no gain can be stated."
        return [("Not compared", reason)]
    scores = [record.miou for record in records]
    mean = f"a mean mIoU of {percent(sum(scores) / len(scores))} %"
    mean = mean if len(plain) == 1 else f"in {plural(len(plain), 'setting')}"
    only = "only the network without a block has runs"
    return [("Not compared", f"{only} ({len(records):,}, {mean}).")]


def lacking(plain: Sequence[Comparison], missing: Sequence[str]) -> str:
    """Planned runs, baselines and counts."""
    orphans = sum(len(one.orphans) for one in plain)
    uncounted = {
        shown(record.config.placed_block)
        for one in plain
        for record in one.records
        if record.macs is None
    }
    alone = sum(not has_gains(one) for one in plain)
    clauses = [
        f"{plural(len(missing), 'planned run')} without a record, so means may be biased"
        if missing
        else "",
        f"{plural(orphans, 'run')} without a baseline of the same seed, in no gain"
        if orphans
        else "",
        f"{plural(alone, 'setting')} with nothing to compare"
        if 0 < alone < len(plain)
        else "",
        f"the MACs of {listed(limited(sorted(uncounted)))}, not counted"
        if uncounted
        else "",
    ]
    stated = [*filter(None, clauses)]
    return f"{'; '.join(stated)}." if stated else ""
