"""What one study says about each block, as numbers: runs that solve a probe, or a gain."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from ablations.errors import InputError
from ablations.records import RunRecord
from reports.comparison import Comparison, comparisons
from reports.controls import differences, scores
from reports.counts import Solved, exact_interval
from reports.estimates import Family, Gains, against_none, over_seeds, over_settings
from reports.overview.own_rate import at_own_rate
from reports.probe_tables import adjusted, fisher_by_block, is_probe, solved_by_block
from reports.reading import read_runs
from reports.several_settings import gathered
from reports.statistics import interval


class Outcome(NamedTuple):
    """Of a block in a study: a share of runs or a gain in mIoU, with its 95 % interval."""

    value: float
    low: float
    high: float
    p: float  # adjusted by Holm's method; NaN for controls, which have a block to meet
    pairs: int  # runs of a probe; otherwise seeds, or settings if there are several
    solved: Solved | None = None  # only of a probe


class Studied:
    """The runs of one study, each block at its own rate if it was searched.

    name is that of its folder or file.
    """

    def __init__(self, place: Path) -> None:
        """Raises InputError if the place has no run that can be compared."""
        self.name = place.resolve().stem
        self.reading = read_runs(place)
        chosen, self.rates = at_own_rate(self.reading.records)
        self.compared = comparisons(chosen)
        self.told = [one for one in self.compared if one.records]  # with a baseline
        if not self.told:
            raise InputError(f"{place}: no run has a baseline of its seed")
        kinds = {is_probe(one) for one in self.told}
        if kinds == {True, False}:
            raise InputError(f"{place}: a probe and other data are two studies")
        if kinds == {True} and len(self.told) > 1:
            raise InputError(
                f"{place}: a probe in {len(self.told)} settings; report them apart"
            )

    @property
    def records(self) -> list[RunRecord]:
        return self.reading.records

    @property
    def is_probe(self) -> bool:
        return is_probe(self.told[0])

    @cached_property
    def outcomes(self) -> dict[str, Outcome]:
        """By block, without the baseline unless the study is a probe."""
        if self.is_probe:
            return probe_outcomes(self.told[0])
        return gain_outcomes(self.told)

    @property
    def noun(self) -> str:
        """What a pair is."""
        return "setting" if len(self.told) > 1 else "seed"


def probe_outcomes(comparison: Comparison) -> dict[str, Outcome]:
    solved = solved_by_block(comparison.records)
    family = adjusted(fisher_by_block(solved))
    return {
        block: Outcome(
            counts.share,
            *exact_interval(counts),
            p=family.get(block, float("nan")),
            pairs=counts.runs,
            solved=counts,
        )
        for block, counts in solved.items()
    }


def gain_outcomes(told: Sequence[Comparison]) -> dict[str, Outcome]:
    """Over seeds in one setting, over settings if there are several; with controls."""
    tested = estimates([against_none(one) for one in told])
    return {
        block: Outcome(
            fmean(pairs),
            *interval(pairs),
            p=tested[block].p if block in tested else float("nan"),
            pairs=len(pairs),
        )
        for block, pairs in paired([over(one, "none") for one in told]).items()
    }


def paired(settings: Sequence[Gains[str]]) -> Gains[str]:
    """The gains by seed of one setting, or the mean of each of several."""
    if len(settings) == 1:
        return settings[0]
    every = gathered(settings).items()
    return {block: [fmean(gains) for gains in of_block] for block, of_block in every}


def estimates(settings: Sequence[Gains[str]]) -> Family[str]:
    """Tests over seeds in one setting, over settings if there are several."""
    return over_settings(settings) if len(settings) > 1 else over_seeds(settings[0])


def over(comparison: Comparison, other: str) -> dict[str, list[float]]:
    """mIoU of every block minus that of another one, for the seeds of both.

    Controls are among the blocks.
    """
    found = scores(comparison.runs)
    base = found.get(other, {})
    pairs = {b: differences(found[b], base) for b in found if b != other}
    return {block: values for block, values in pairs.items() if values}
