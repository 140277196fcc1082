"""Differences in mIoU with all that a sentence about them must know."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from reports.comparison import Comparison
from reports.controls import (
    Pair,
    against_baseline,
    differences,
    scores,
    with_controls,
)
from reports.power import LEVEL, detectable, seeds_needed
from reports.several_settings import gathered, summary
from reports.statistics import holm, interval, least_sign_flip_p, sign_flip_p

Subject = TypeVar("Subject", str, Pair)  # a block, or a block and its control
Gains = Mapping[Subject, Sequence[float]]  # in the order of seeds


class Estimate(NamedTuple):
    """A mean paired difference, and what its test decides."""

    gain: float
    low: float  # 95 % t interval
    high: float
    single: float  # p of the sign-flip test
    p: float  # the same, adjusted by Holm's method for the family
    least: float  # the smallest adjusted p that so many pairs allow
    pairs: int  # seeds, or settings
    needed: float  # pairs that would decide this gain
    detectable: float  # true gain that so many pairs show with 80 % power
    won: int  # pairs with a gain above zero
    equal: bool  # whether every difference is exactly zero

    @property
    def decided(self) -> bool:
        return self.p < LEVEL

    @property
    def decidable(self) -> bool:
        return self.least < LEVEL


Family = dict[Subject, Estimate]  # of tests that are corrected for each other


def against_none(comparison: Comparison) -> dict[str, list[float]]:
    """The gains of each block, but of no control beside its block."""
    found = scores(comparison.runs)
    tested = against_baseline(comparison.numbers["block"])
    none = found.get("none", {})
    gains = {block: differences(found[block], none) for block in tested}
    return {block: values for block, values in gains.items() if values}


def against_controls(comparison: Comparison) -> dict[Pair, list[float]]:
    """Each block's mIoU minus that of each of its controls, for the seeds of both."""
    found = scores(comparison.runs)
    pairs = with_controls(comparison.numbers["block"])
    gains = {(one, other): differences(found[one], found[other]) for one, other in pairs}
    return {pair: values for pair, values in gains.items() if values}


def over_seeds(gains: Gains[Subject]) -> Family[Subject]:
    """The estimates of one setting."""
    return adjusted(
        {
            subject: estimate(values, interval(values), len(gains))
            for subject, values in gains.items()
        }
    )


def over_settings(settings: Iterable[Gains[Subject]]) -> Family[Subject]:
    """The estimates of those that were in several settings; pairs are settings."""
    gains = gathered(settings)
    several = {subject: values for subject, values in gains.items() if len(values) > 1}
    summaries = {subject: summary(values) for subject, values in several.items()}
    return adjusted(
        {
            subject: estimate(one.means, (one.low, one.high), len(several))
            for subject, one in summaries.items()
        }
    )


def estimate(values: Sequence[float], bounds: tuple[float, float], tests: int) -> Estimate:
    """Not yet adjusted: p and least are those of a single test."""
    low, high = bounds
    single = sign_flip_p(values)
    return Estimate(
        gain=sum(values) / len(values),
        low=low,
        high=high,
        single=single,
        p=single,
        least=least_sign_flip_p(len(values)),
        pairs=len(values),
        needed=seeds_needed(values, tests),
        detectable=detectable(values),
        won=sum(value > 0 for value in values),
        equal=not any(values),
    )


def adjusted(family: Mapping[Any, Estimate]) -> dict[Any, Estimate]:
    """Holm's method for all p, and for the smallest that were possible together."""
    found = holm([one.single for one in family.values()])
    least = holm([least_sign_flip_p(one.pairs) for one in family.values()])
    return {
        subject: one._replace(p=p, least=smallest)
        for (subject, one), p, smallest in zip(family.items(), found, least, strict=True)
    }
