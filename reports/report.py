"""One page about a folder of runs: comparisons, failures, and how to read them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ablations.run_config import RunConfig
from reports import probe_section
from reports.comparison import Comparison, comparisons
from reports.completeness import coverage, failed, lacking, plural
from reports.page import Heading, Page, Part, Text
from reports.probe_section import findings
from reports.probe_tables import is_probe
from reports.provenance import notes, provenance, version_lines
from reports.reading import Reading, problem_parts, read_runs
from reports.section import describe
from reports.sections import Pictures, Section, all_numbers, folded, sections_of
from reports.timings import read_all
from reports.write import csv
from reports.write.cells import shortened
from reports.write.files import write_text
from reports.write.pages import write_page

PRINTED = 3  # the most settings for which tables are printed
REASONS = 20  # the most failed runs for which reasons are printed

HOW_TO_READ = (
    "Gain is the mean over seeds of a run's mIoU minus that of the baseline with the same "
    "seed, in percentage points. Its 95 % interval is Student's t. p is that of the exact "
    "sign-flip test, which with n pairs cannot be below 2 / 2^n: 0.25 at 3, 0.0625 at 5. "
    "The network, the data and the schedule are the same in every row. MACs are "
    "multiply-adds of convolutions and matrix products for one image, by fvcore; they are "
    "not counted if an operator has no count. Train (CPU s) is the time of all cores for "
    "the training steps, Train (device s) that of a GPU; Train (wall s) stands in where a "
    "run did not measure either, and includes the waiting for other programs of the "
    "machine. Large dots are means, small dots are seeds, bars are one sample standard "
    "deviation."
)


class ReportOptions(NamedTuple):
    """What a user chooses about a report."""

    pictures: Pictures = "few"


DEFAULTS = ReportOptions()


class Report(NamedTuple):
    """The page that was written, and the part of it that a terminal shows."""

    page: Path
    summary: Page
    complete: bool  # every file could be read, and every planned run has a record


def write_report(
    runs: Path,
    out: Path,
    planned: Sequence[RunConfig] | None = None,
    options: ReportOptions = DEFAULTS,
) -> Report:
    """Write report.md, tables (.md, .csv, .tex) and plots (.svg, .png).

    planned are the runs that should exist. Raises InputError for a folder without a record
    that can be read, and an out folder that cannot be written.
    """
    reading = read_runs(runs)
    timings, unreadable = read_all(runs)
    missing = lacking(reading.records, planned or [])
    compared = comparisons(reading.records)
    sections = sections_of(compared, timings, options.pictures)
    title = f"{shortened(runs.resolve().name)}: attention blocks compared"
    head = [*opening(compared, reading, planned, missing), *unreadable]
    settings = list(folded(sections))
    page = Page(title, [*head, *settings, *tail(compared, reading)])
    path = write_page(page, out, "report")
    if len(compared) > 1:
        write_numbers(sections, out)
    printed = settings if len(compared) <= PRINTED else []
    summary = Page(title, [*head, *printed, *closing(compared, reading, path)])
    return Report(path, summary, not missing and not reading.problems)


def opening(
    compared: Sequence[Comparison],
    reading: Reading,
    planned: Sequence[RunConfig] | None,
    missing: Sequence[str],
) -> list[Part]:
    """What was found, and how much of what was planned is there."""
    records, failures = reading.records, reading.failures
    return [
        *findings(compared, [describe(one.setting) for one in compared]),
        *coverage(records, failures, planned, missing),
        *problem_parts(reading),
        *version_lines(records),
    ]


def closing(compared: Sequence[Comparison], reading: Reading, path: Path) -> list[Part]:
    """The end of what a terminal shows: failures, and where the page is."""
    few = 0 < len(reading.failures) <= REASONS
    runs = plural(len(reading.records), "run")
    counts = Text(f"{plural(len(compared), 'setting')}, {runs}: {path}")
    return [*(failed(reading.failures) if few else []), counts]


def write_numbers(sections: Sequence[Section], out: Path) -> None:
    """Write one file with all comparisons."""
    numbers = all_numbers(sections)
    if numbers is not None:
        write_text(out / "comparison.csv", csv.frame(numbers))


def tail(compared: Sequence[Comparison], reading: Reading) -> list[Part]:
    probes = [is_probe(one) for one in compared]
    return [
        Heading("How to read this"),
        *([Text(probe_section.HOW_TO_READ)] if any(probes) else []),
        *([] if all(probes) else [Text(HOW_TO_READ)]),
        *failed(reading.failures),
        Heading("Notes of runs"),
        notes(reading.records),
        Heading("Where this ran"),
        provenance(reading.records),
    ]
