"""One page about runs: what was found, the comparisons behind it, and how to read them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ablations.run_config import RunConfig
from reports import metrics, probe_section
from reports.audit import image_files
from reports.charts import cost_chart
from reports.column_choice import with_columns
from reports.comparison import Comparison, comparisons
from reports.completeness import coverage, failed, lacking, plural
from reports.findings import findings
from reports.page import Heading, Page, Part, Text
from reports.probe_tables import is_probe
from reports.provenance import notes, provenance, version_lines
from reports.reading import Reading, problem_parts, read_runs
from reports.runs import runs_section
from reports.section import describe
from reports.sections import (
    Pictures,
    Section,
    all_numbers,
    folded,
    overview_pictures,
    sections_of,
)
from reports.timings import read_all
from reports.views import View, completed, default_of, parts_of
from reports.write import csv
from reports.write.cells import shortened
from reports.write.files import write_text
from reports.write.pages import write_page

PRINTED = 3  # the most settings, or tables of a view, that are printed
REASONS = 20  # the most failed runs for which reasons are printed
CHARTED = 2000  # the most runs of an interactive chart

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

# Parts that need more than records, such as kept weights: of a folder, and the settings.
MoreParts = Callable[[Path, Sequence[Comparison]], list[Part]]


class ReportOptions(NamedTuple):
    """What a user chooses about a report."""

    pictures: Pictures = "few"
    view: View | None = None  # over all settings; empty parts are chosen by what varies
    columns: Sequence[str] = ()  # of the tables of settings, by name; empty: all
    more: MoreParts | None = None


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
    others: Sequence[Path] = (),
) -> Report:
    """Write report.html, report.md, tables (.md, .csv, .tex) and plots.

    runs and others are folders of runs, or files of `ablate export-records`. planned are
    the runs that should exist. Raises InputError for places without a record that can be
    read, an unknown column, and an out folder that cannot be written.
    """
    places = [runs, *others]
    folders = [place for place in places if place.is_dir()]
    reading = read_runs(*places)
    timings, unreadable = read_all(*folders)
    missing = lacking(reading.records, planned or [])
    compared = comparisons(reading.records)
    counts = {run: path for folder in folders for run, path in image_files(folder).items()}
    sections = sections_of(compared, timings, options.pictures, counts)
    head = [*opening(compared, reading, planned, missing), *unreadable]
    overview = view_of(compared, options)
    settings = with_columns(list(folded(sections)), options.columns)
    further = more_parts(options.more, folders, compared)
    title = f"{title_of(places)}: attention blocks compared"
    parts = [*head, *overview, *chart(compared), *settings, *further]
    page = Page(title, [*parts, *tail(compared, reading, folders)])
    path = write_page(page, out, "report")
    if len(compared) > 1:
        write_numbers(sections, out)
    printed = overview if options.view or len(overview) <= 1 + PRINTED else []
    printed = [*printed, *(settings if len(compared) <= PRINTED else [])]
    summary = Page(title, [*head, *printed, *closing(compared, reading, path)])
    return Report(path, summary, not missing and not reading.problems)


def title_of(places: Sequence[Path]) -> str:
    names = (place.resolve() for place in places)
    return " and ".join(
        shortened(name.name if name.is_dir() else name.stem) for name in names
    )


def opening(
    compared: Sequence[Comparison],
    reading: Reading,
    planned: Sequence[RunConfig] | None,
    missing: Sequence[str],
) -> list[Part]:
    """What was found, and how much of what was planned is there."""
    records, failures = reading.records, reading.failures
    names = [describe(one.setting) for one in compared]
    return [
        *findings(compared, missing),
        *probe_section.findings(compared, names),
        *coverage(records, failures, planned, missing),
        *problem_parts(reading),
        *version_lines(records),
    ]


def view_of(compared: Sequence[Comparison], options: ReportOptions) -> list[Part]:
    """The view that was asked for, or the default one if there are several settings."""
    asked = options.view
    view = completed(asked, compared) if asked else default_of(compared)
    if view is None:
        return []
    pictures = overview_pictures(compared) if options.pictures != "none" else []
    return [*parts_of(compared, view), *pictures]


def chart(compared: Sequence[Comparison]) -> list[Part]:
    """Accuracy against cost, unless there are only baselines or too many runs to draw."""
    runs = sum(len(one.records) for one in compared)
    blocks = {record.config.block for one in compared for record in one.records}
    if any(is_probe(one) for one in compared) or not blocks > {"none"} or runs > CHARTED:
        return []
    return [cost_chart(compared)]


def more_parts(
    more: MoreParts | None, folders: Sequence[Path], compared: Sequence[Comparison]
) -> list[Part]:
    if more is None:
        return []
    return [part for folder in folders for part in more(folder, compared)]


def closing(compared: Sequence[Comparison], reading: Reading, path: Path) -> list[Part]:
    """The end of what a terminal shows: failures, and where the page is."""
    few = 0 < len(reading.failures) <= REASONS
    runs = plural(len(reading.records), "run")
    page = path.with_suffix(".html")
    counts = Text(f"{plural(len(compared), 'setting')}, {runs}: {page}")
    return [*(failed(reading.failures) if few else []), counts]


def write_numbers(sections: Sequence[Section], out: Path) -> None:
    """Write one file with all comparisons."""
    numbers = all_numbers(sections)
    if numbers is not None:
        write_text(out / "comparison.csv", csv.frame(numbers))


def tail(
    compared: Sequence[Comparison], reading: Reading, folders: Sequence[Path]
) -> list[Part]:
    probes = [is_probe(one) for one in compared]
    words = [Text(HOW_TO_READ), Text(metrics.HOW_TO_READ)]
    return [
        Heading("How to read this"),
        *([Text(probe_section.HOW_TO_READ)] if any(probes) else []),
        *([] if all(probes) else words),
        *failed(reading.failures),
        *runs_section(reading.records, reading.failures, folders),
        Heading("Notes of runs"),
        notes(reading.records),
        Heading("Where this ran"),
        provenance(reading.records),
    ]
