"""What the probes of a card show: carried or not, beside a control of the same cost."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ablations.records import Failure, RunRecord
from ablations.run_config import RunConfig
from reports.comparison import Comparison, comparisons
from reports.completeness import coverage, failed, lacking
from reports.page import Heading, Part, Strong, Text
from reports.probe_section import HOW_TO_READ
from reports.probe_tables import is_probe
from reports.probe_verdict import verdict
from reports.provenance import notes, provenance
from reports.report import HOW_TO_READ as HOW_TO_READ_GAINS
from reports.section import pictures, section
from reports.units import label, percent, points

LIMITS = (
    "Both probes are small scenes of handwriting and one small network: they ask whether "
    "the block carries one bit across an image, not how good it is elsewhere."
)


class Trained(NamedTuple):
    """The runs of a card: those planned, and what became of them."""

    planned: Sequence[RunConfig]
    records: Sequence[RunRecord]
    failures: Sequence[Failure]
    control: str | None

    @property
    def complete(self) -> bool:
        return not lacking(self.records, self.planned)


def trained_words(trained: Trained) -> list[Text]:
    """A verdict on each data set, only from all of its runs."""
    if not trained.complete:
        missing = len(lacking(trained.records, trained.planned))
        line = f" {missing} of {len(trained.planned)} runs have no record, so no verdict."
        return [Text(Strong("Probes."), line)]
    return [words_of(one) for one in comparisons(trained.records)]


def words_of(comparison: Comparison) -> Text:
    name = Strong(f"{comparison.setting['dataset']}.")
    if is_probe(comparison):
        return Text(name, f" {verdict(comparison)}")
    return Text(name, f" {gain_words(comparison)}")


def gain_words(comparison: Comparison) -> str:
    """The gains of a data set in which nothing has to be carried."""
    baseline, *blocks = comparison.numbers.to_dict("records")
    gains = "; ".join(gain_of(row) for row in blocks)
    mean = percent(baseline["miou"])
    return (
        f"Where nothing has to be carried, the mean mIoU without a block is {mean} %. "
        f"Gains in points, with their 95 % intervals: {gains}. An interval that holds 0 "
        "supports neither a gain nor a loss."
    )


def gain_of(row: dict[Any, Any]) -> str:
    low, high = points(row["gain_low"]), points(row["gain_high"])
    return f"{label(str(row['block']))} {points(row['gain'])} ({low} to {high})"


def trained_sections(trained: Trained) -> list[Part]:
    """Every run, by probe; then failures and where this ran."""
    records, planned = trained.records, trained.planned
    missing = lacking(records, planned)
    parts: list[Part] = [Heading("Probes"), Text(LIMITS), Text(control_line(trained))]
    parts += coverage(records, trained.failures, planned, missing)
    for one in comparisons(records):
        parts += section(one, [], f"card-{one.setting['dataset']}", pictures)
    parts += [Heading("How to read the probes"), Text(HOW_TO_READ), Text(HOW_TO_READ_GAINS)]
    parts += failed(trained.failures)
    if records:
        parts += [Heading("Notes of runs"), notes(records)]
        parts += [Heading("Where this ran"), provenance(records)]
    return parts


def control_line(trained: Trained) -> str:
    if trained.control:
        name = label(trained.control)
        return (
            f"The control of equal cost, {name}, is a plain bottleneck without attention."
        )
    return "There is no control of equal cost; the section on controls says why."
