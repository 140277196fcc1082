"""One page about a folder of runs: comparisons, failures, and how to read them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ablations.records import Failure, RunRecord
from ablations.run_config import RunConfig
from ablations.timings import StudyTimings
from reports import metrics, probe_section
from reports.comparison import Comparison, comparisons
from reports.completeness import coverage, failed, first_reason, lacking, plural
from reports.findings import findings
from reports.page import Heading, Link, Page, Part, Text
from reports.probe_tables import is_probe
from reports.provenance import notes, provenance, version_lines
from reports.runs import runs_section
from reports.section import comparison_table, describe, long_section, section
from reports.timings import read_all
from reports.views import View, completed, default_of, parts_of
from reports.write import csv
from reports.write.cells import shortened
from reports.write.files import write_text
from reports.write.pages import write_page

PICTURED = 12  # the most settings for which each has pictures and a table of classes
PRINTED = 3  # the most settings for which tables are printed
REASONS = 20  # the most failed runs for which reasons are printed

HOW_TO_READ = (
    "Gain is the mean over seeds of a run's mIoU minus that of the baseline with the same "
    "seed, in percentage points. Its 95 % interval is Student's t, which takes differences "
    "for normally distributed. p is that of the exact sign-flip test, which does not, and "
    "with n pairs cannot be below 2 / 2^n: 0.25 at 3, 0.0625 at 5. p (Holm) is corrected "
    "for all blocks of the setting but controls, which are compared with their block. "
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
    view: View | None = None,
) -> Report:
    """Write report.md, tables (.md, .csv, .tex) and plots (.svg, .png).

    planned are the runs that should exist; view is the one over all settings, whose empty
    parts are chosen by what varies (default: all parts). Raises InputError for a folder
    without records, a damaged record, and an out folder that cannot be written.
    """
    places = [runs, *others]
    gathered = gather(places)
    records, failures, _ = gathered
    timings, unreadable = read_all(*(place for place in places if place.is_dir()))
    missing = lacking(records, planned or [])
    compared = comparisons(records)
    title = f"{shortened(runs.resolve().name)}: attention blocks compared"
    head = findings(compared, missing)
    names = [describe(one.setting) for one in compared]
    head += probe_section.findings(compared, names)
    head += [*coverage(records, failures, planned, missing), *version_lines(records)]
    head += [*copy_parts(gathered), *unreadable]
    sections = sections_of(compared, timings)
    overview = view_of(compared, view)
    end = tail(compared, records, failures, runs)
    page = Page(title, [*head, *overview, *sections, *end])
    path = write_page(page, out, "report")
    if len(compared) > PICTURED:
        write_numbers(compared, timings, out)
    printed = overview if view or len(overview) <= 1 + PRINTED else []
    printed += sections if len(compared) <= PRINTED else []
    printed += failed(failures) if 0 < len(failures) <= REASONS else []
    counts = f"{plural(len(compared), 'setting')}, {plural(len(records), 'run')}: {path}"
    return Report(path, Page(title, [*head, *printed, Text(counts)]), not missing)


def view_of(compared: Sequence[Comparison], asked: View | None) -> list[Part]:
    """The view that was asked for, or the default one if there are several settings."""
    view = completed(asked, compared) if asked else default_of(compared)
    return parts_of(compared, view) if view else []


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
    runs: Path,
) -> list[Part]:
    probes = [is_probe(one) for one in compared]
    return [
        Heading("How to read this"),
        *([Text(probe_section.HOW_TO_READ)] if any(probes) else []),
        *([] if all(probes) else [Text(HOW_TO_READ), Text(metrics.HOW_TO_READ)]),
        *failed(failures),
        *runs_section(records, failures, runs),
        Heading("Notes of runs"),
        notes(records),
        Heading("Where this ran"),
        provenance(records),
    ]
