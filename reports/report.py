"""One page about a folder of runs: comparisons, failures, and how to read them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ablations.errors import InputError
from ablations.records import Failure, RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import read_failures, read_records
from ablations.timings import StudyTimings
from reports import probe_section
from reports.comparison import Comparison, comparisons
from reports.completeness import coverage, failed, first_reason, lacking, plural
from reports.page import Heading, Link, Page, Part, Text
from reports.probe_section import findings
from reports.probe_tables import is_probe
from reports.provenance import notes, provenance, version_lines
from reports.section import comparison_table, describe, long_section, section
from reports.timings import read_all
from reports.write import csv
from reports.write.cells import shortened
from reports.write.files import write_text
from reports.write.pages import write_page

PICTURED = 12  # the most settings for which each has pictures and a table of classes
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


# Parts that need more than records, such as kept weights, from the folder and its records.
MoreParts = Callable[[Path, Sequence[RunRecord]], list[Part]]


class Report(NamedTuple):
    """The page that was written, and the part of it that a terminal shows."""

    page: Path
    summary: Page
    complete: bool  # whether every planned run has a record; True if none was planned


def write_report(
    runs: Path,
    out: Path,
    planned: Sequence[RunConfig] | None = None,
    more: MoreParts | None = None,
) -> Report:
    """Write report.md, tables (.md, .csv, .tex) and plots (.svg, .png).

    planned are the runs that should exist; more makes parts that follow the settings.
    Raises InputError for a folder without records, a damaged record, and an out folder
    that cannot be written.
    """
    records = list(read_records(runs))
    failures = list(read_failures(runs))
    if not records:
        raise InputError(f"{runs}: no record of a finished run{first_reason(failures)}")
    timings, unreadable = read_all(runs)
    missing = lacking(records, planned or [])
    compared = comparisons(records)
    title = f"{shortened(runs.resolve().name)}: attention blocks compared"
    head = findings(compared, [describe(one.setting) for one in compared])
    head += [*coverage(records, failures, planned, missing), *version_lines(records)]
    head += unreadable
    sections = sections_of(compared, timings)
    further = more(runs, records) if more else []
    page = Page(title, [*head, *sections, *further, *tail(compared, records, failures)])
    path = write_page(page, out, "report")
    if len(compared) > PICTURED:
        write_numbers(compared, timings, out)
    printed = sections if len(compared) <= PRINTED else []
    printed += failed(failures) if 0 < len(failures) <= REASONS else []
    counts = f"{plural(len(compared), 'setting')}, {plural(len(records), 'run')}: {path}"
    return Report(path, Page(title, [*head, *printed, Text(counts)]), not missing)


def sections_of(
    compared: Sequence[Comparison], timings: Sequence[StudyTimings]
) -> list[Part]:
    """A section for each setting; if there are many, their numbers are in one file."""
    if len(compared) <= PICTURED:
        names = [f"comparison-{number + 1}" for number in range(len(compared))]
        names = ["comparison"] if len(compared) == 1 else names
        pairs = zip(compared, names, strict=True)
        return [part for one, name in pairs for part in section(one, timings, name)]
    pointer = Text(
        f"{len(compared)} settings; a report of more than {PICTURED} has no pictures and "
        "no class tables. All numbers: ",
        Link("comparison.csv", "comparison.csv"),
        ".",
    )
    return [pointer, *(part for one in compared for part in long_section(one, timings))]


def write_numbers(
    compared: Sequence[Comparison], timings: Sequence[StudyTimings], out: Path
) -> None:
    """Write one file with all comparisons; its first columns are the setting."""
    tables = [
        pd.DataFrame([one.setting] * len(one.numbers)).join(
            comparison_table(one, timings).numbers
        )
        for one in compared
        if one.records
    ]
    if tables:
        write_text(out / "comparison.csv", csv.frame(pd.concat(tables)))


def tail(
    compared: Sequence[Comparison],
    records: Sequence[RunRecord],
    failures: Sequence[Failure],
) -> list[Part]:
    probes = [is_probe(one) for one in compared]
    return [
        Heading("How to read this"),
        *([Text(probe_section.HOW_TO_READ)] if any(probes) else []),
        *([] if all(probes) else [Text(HOW_TO_READ)]),
        *failed(failures),
        Heading("Notes of runs"),
        notes(records),
        Heading("Where this ran"),
        provenance(records),
    ]
