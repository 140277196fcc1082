"""Sentences about a family of tests, none stronger than its test."""

from collections.abc import Iterable, Mapping, Sequence
from math import isinf, isnan

from reports.completeness import plural
from reports.estimates import Estimate
from reports.page import Show
from reports.power import LEVEL, MOST, least_pairs
from reports.statistics import MAX_EXACT
from reports.units import percent, points, probability

NAMED = 6  # the most blocks of a list within a sentence

Named = Mapping[str, Estimate]  # a family of tests, by names as people read them


def decided(family: Named, noun: str) -> str:
    """What was found; noun is what pairs are: seed or setting."""
    tested = {name: one for name, one in family.items() if not isnan(one.p)}
    if not tested:
        return ""
    test = test_of(tested.values())
    found = {name: one for name, one in tested.items() if one.decided}
    if found:
        best_first = sorted(found, key=lambda name: -found[name].gain)
        lines = [difference(name, found[name], noun) for name in best_first]
        return f"mIoU is {'; '.join(limited(lines))}, by the {test}."
    most = max(one.pairs for one in tested.values())
    if most == 1:
        return (
            f"nothing can be decided with one {noun}, since a difference may be due to the "
            f"{noun} alone."
        )
    if not any(one.decidable for one in tested.values()):
        least = probability(min(one.least for one in tested.values()))
        few = f"with {plural(most, noun)} the {test} cannot give a p below {least}"
        return f"nothing can be decided: {few}."
    return f"no difference is supported by the {test}."


def difference(name: str, one: Estimate, noun: str) -> str:
    side = "higher" if one.gain > 0 else "lower"
    won = f", higher in {one.won}" if noun == "setting" else ""
    return (
        f"{percent(abs(one.gain))} points {side} with {name} (95 % interval {bounds(one)}, "
        f"{plural(one.pairs, noun)}{won}, p = {probability(one.p)})"
    )


def test_of(family: Iterable[Estimate]) -> str:
    """The test and its correction."""
    sizes = [one.pairs for one in family]
    test = "t-test" if min(sizes) > MAX_EXACT else "exact sign-flip test"
    if min(sizes) <= MAX_EXACT < max(sizes):
        test += f" (t-test beyond {MAX_EXACT} pairs)"
    correction = f" with Holm's correction for {len(sizes):,} tests"
    return test + (correction if len(sizes) > 1 else "")


def largest_undecided(family: Named) -> dict[str, Estimate]:
    """The largest differences first; without those that are exactly zero throughout."""
    left = {
        name: one
        for name, one in family.items()
        if not (isnan(one.p) or one.decided or one.equal)
    }
    return {name: left[name] for name in sorted(left, key=lambda n: -abs(left[n].gain))}


def undecided(family: Named, noun: str) -> str:
    """What could not be decided; an empty text if everything is."""
    left = largest_undecided(family)
    lines = limited([f"{name} {estimated(one, noun)}" for name, one in left.items()])
    return f"{'; '.join(lines)}." if left else ""


def outlook(family: Named, noun: str) -> str:
    """What it would take to decide what is not."""
    left = [*largest_undecided(family).items()][:NAMED]
    if not left:
        return ""
    lines = [
        caution(family),
        needed(dict(left), noun, len(family)),
        power(dict(left), noun),
    ]
    return " ".join(filter(None, lines))


def caution(family: Named) -> str:
    """How an interval can exclude zero where the test decides nothing."""
    left = largest_undecided(family).values()
    if not any(one.low > 0 or one.high < 0 for one in left):
        return ""
    more = f" and are not corrected for {len(family):,} tests" if len(family) > 1 else ""
    return (
        f"Intervals assume normal differences{more}: one that excludes zero decides "
        "nothing by itself."
    )


def estimated(one: Estimate, noun: str) -> str:
    if isnan(one.low):
        return f"{points(one.gain)} points"
    won = f", higher in {one.won} of {one.pairs}" if noun == "setting" else ""
    return f"{points(one.gain)} points (95 % interval {bounds(one)}{won}{chance(one)})"


def chance(one: Estimate) -> str:
    """p, unless no p below LEVEL was possible; the unadjusted one if it alone is below."""
    if not one.decidable:
        return ""
    adjusted = f", p = {probability(one.p)}"
    alone = f", without the correction {probability(one.single)}"
    return adjusted + (alone if one.single < LEVEL <= one.p else "")


def bounds(one: Estimate) -> str:
    return f"{points(one.low)} to {points(one.high)}"


def needed(shown: Named, noun: str, tests: int) -> str:
    """How many pairs would decide; shown are the estimates that are named."""
    numbers = {n: one.needed for n, one in shown.items() if not isnan(one.needed)}
    if not numbers:
        family = "this test" if tests == 1 else f"these {tests} tests"
        least = f"{least_pairs(tests)} {noun}s"
        return f"To decide anything, {family} would take at least {least}."
    size = amounts(numbers, whole, f"{noun}s")
    condition = "80 % power, if true gains and spreads are as measured"
    return f"A decision is estimated to take {size} ({condition})."


def whole(number: float) -> str:
    return f"more than {MOST:,}" if isinf(number) else f"{number:,.0f}"


def power(shown: Named, noun: str) -> str:
    """The smallest true gains that so many pairs show."""
    sizes = {n: one.detectable for n, one in shown.items() if not isnan(one.detectable)}
    if not sizes:
        return ""
    return (
        f"With this many {noun}s a 95 % interval excludes zero in four of five studies "
        f"only if the true difference is at least {amounts(sizes, percent, 'points')}."
    )


def amounts(numbers: Mapping[str, float], show: Show, unit: str) -> str:
    """As in: 6 seeds for SE, 7 for GC and 8 for EA; of more than three, their range."""
    if len(numbers) > 3:
        least, most = show(min(numbers.values())), show(max(numbers.values()))
        return f"{least} to {most} {unit} for those named"
    (name, number), *others = numbers.items()
    first = f"{show(number)} {unit} for {name}"
    return listed([first, *(f"{show(number)} for {name}" for name, number in others)])


def limited(items: Sequence[str]) -> list[str]:
    """At most NAMED of them, then how many others there are."""
    rest = len(items) - NAMED
    others = "one other, see the table" if rest == 1 else f"{rest} others, see the table"
    return [*items[:NAMED], *([f"and {others}"] if rest > 0 else [])]


def listed(items: Sequence[str]) -> str:
    """As in: one, two and three."""
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))
