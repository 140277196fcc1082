"""What one study says about each block, as numbers: runs that solve a probe, or a gain."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ablations.errors import InputError
from ablations.records import RunRecord
from reports.comparison import Comparison, comparisons
from reports.controls import differences, scores
from reports.counts import Solved, exact_interval
from reports.estimates import Estimate, against_none, over_seeds, over_settings
from reports.overview.own_rate import at_own_rate
from reports.probe_tables import adjusted, fisher_by_block, is_probe, solved_by_block
from reports.reading import read_runs
from reports.several_settings import gathered, summary
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
        if not any(one.records for one in self.compared):
            raise InputError(f"{place}: no run has a baseline of its seed")
        kinds = {is_probe(one) for one in self.compared}
        if kinds == {True, False}:
            raise InputError(f"{place}: a probe and other data are two studies")
        if kinds == {True} and len(self.compared) > 1:
            raise InputError(
                f"{place}: a probe in {len(self.compared)} settings; report them apart"
            )

    @property
    def records(self) -> list[RunRecord]:
        return self.reading.records

    @property
    def is_probe(self) -> bool:
        return is_probe(self.compared[0])

    @cached_property
    def outcomes(self) -> dict[str, Outcome]:
        """By block, without the baseline unless the study is a probe."""
        if self.is_probe:
            return probe_outcomes(self.compared[0])
        return gain_outcomes(self.compared)

    @property
    def noun(self) -> str:
        """What a pair is."""
        return "setting" if len(self.compared) > 1 else "seed"


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


def gain_outcomes(compared: Sequence[Comparison]) -> dict[str, Outcome]:
    """Over seeds in one setting, over settings if there are several."""
    gains = [gains_of(one) for one in compared]
    tested = tests(compared)
    if len(compared) > 1:
        numbers = {block: summary(values) for block, values in gathered(gains).items()}
        bounds = {block: (one.gain, one.low, one.high) for block, one in numbers.items()}
        pairs = {block: len(one.means) for block, one in numbers.items()}
    else:
        [single] = gains
        bounds = {b: (sum(v) / len(v), *interval(v)) for b, v in single.items()}
        pairs = {block: len(values) for block, values in single.items()}
    return {
        block: Outcome(
            *bounds[block],
            p=tested[block].p if block in tested else float("nan"),
            pairs=pairs[block],
        )
        for block in bounds
    }


def tests(compared: Sequence[Comparison]) -> dict[str, Estimate]:
    """Of the blocks that are tested against the baseline, corrected for each other."""
    gains = [against_none(one) for one in compared if one.records]
    return over_settings(gains) if len(gains) > 1 else over_seeds(gains[0])


def gains_of(comparison: Comparison) -> dict[str, list[float]]:
    """Of every block, controls included, for each seed."""
    return over(comparison, "none")


def over(comparison: Comparison, other: str) -> dict[str, list[float]]:
    """mIoU of every block minus that of another one, for the seeds of both."""
    found = scores(comparison.runs) if comparison.records else {}
    base = found.get(other, {})
    pairs = {b: differences(found[b], base) for b in found if b != other}
    return {block: values for block, values in pairs.items() if values}
