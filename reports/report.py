"""One page about a folder of runs: tables, plots, failures, and how to read them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ablations.errors import InputError
from ablations.records import Failure, RunRecord
from ablations.run_config import DERIVED, RunConfig
from ablations.run_folder import read_failures, read_records
from reports import plots
from reports.columns import BLOCK as BLOCK_COLUMN
from reports.columns import COMPARISON, Column, label, percent, prose, text, time_column
from reports.render import (
    LONG,
    markdown,
    markdown_text,
    visible,
    write_csv,
    write_table,
    write_text,
)
from reports.tables import (
    block_comparison,
    class_iou,
    curves,
    runs_table,
    settings,
    versions,
    with_baseline,
)

PICTURED = 12  # settings up to which each has pictures and a table of classes
PRINTED = 3  # settings whose tables are printed
REASONS = 20  # of failed runs, if so few are printed
LISTED = 50  # runs, failures or notes that are listed one by one

HOW_TO_READ = """\
Gain is the mean over seeds of a run's mIoU minus that of the baseline with the same seed,
in percentage points. Its 95 % interval is Student's t. p is that of the exact sign-flip
test, which with n pairs cannot be below 2 / 2^n: 0.25 at 3, 0.0625 at 5. The network, the
data and the schedule are the same in every row. MACs are multiply-adds of convolutions and
matrix products for one image, by fvcore; they are not counted if an operator has no count.
Train (CPU s) is the time of all cores for the training steps, Train (device s) that of a
GPU; Train (wall s) stands in where a run did not measure either, and includes the waiting
for other programs of the machine. Large dots are means, small dots are seeds, bars are one
sample standard deviation.
"""


class Report(NamedTuple):
    """What was written, and what of it a terminal shows."""

    page: Path
    summary: str
    complete: bool  # whether every planned run has a record; True if none was planned


def write_report(
    runs: Path, out: Path, planned: Sequence[RunConfig] | None = None
) -> Report:
    """Write report.md, tables (.md, .csv, .tex) and plots (.svg, .png).

    planned are the runs that there should be. Raises InputError for a folder without
    records, a record that is not whole, and an out folder that cannot be written.
    """
    records = list(read_records(runs))
    failures = list(read_failures(runs))
    if not records:
        raise InputError(f"{runs}: no record of a finished run{first_reason(failures)}")
    missing = lacking(records, planned or [])
    groups = settings(records)
    head = [
        f"# {markdown_text(runs.resolve().name, LONG)}: attention blocks compared",
        coverage(records, failures, planned, missing),
        *([version_line(records)] if versions(records) else []),
    ]
    sections = sections_of(groups, out)
    tail = ["## How to read this", HOW_TO_READ, "## Failed runs", failed(failures)]
    tail += ["## Notes of runs", notes(records), "## Where this ran", provenance(records)]
    page = out / "report.md"
    write_text(page, page_of([*head, *sections, *tail]))
    printed = sections[: PRINTED if len(groups) <= PRINTED else 0]
    few = 0 < len(failures) <= REASONS
    printed += ["## Failed runs", failed(failures)] if few else []
    counts = f"{plural(len(groups), 'setting')}, {plural(len(records), 'run')}: {page}"
    return Report(page, page_of([*head, *printed, visible(counts)]), not missing)


def page_of(parts: Iterable[str]) -> str:
    return "\n\n".join(part.strip() for part in parts) + "\n"


def sections_of(
    groups: Sequence[tuple[dict[str, object], list[RunRecord]]], out: Path
) -> list[str]:
    """A section of each setting; with many of them, their numbers are in one file."""
    if len(groups) <= PICTURED:
        names = [f"comparison-{number + 1}" for number in range(len(groups))]
        names = ["comparison"] if len(groups) == 1 else names
        return [
            section(setting, records, out, name)
            for (setting, records), name in zip(groups, names, strict=True)
        ]
    parts, tables = [], []
    for setting, records in groups:
        heading, paired = opening(setting, records)
        parts.append(heading)
        if paired:
            table = with_reasons(block_comparison(runs_table(paired)))
            parts[-1] = page_of(
                [heading, markdown(table, comparison_columns(table, paired))]
            )
            tables.append(pd.DataFrame([setting] * len(table)).join(table))
    if tables:
        write_csv(pd.concat(tables), out / "comparison.csv")
    few = f"of up to {PICTURED}"
    said = (
        f"{len(groups)} settings, so without pictures and tables of classes, which reports "
    )
    return [f"{said}{few} have. All numbers: [comparison.csv](comparison.csv).", *parts]


def opening(
    setting: dict[str, object], records: list[RunRecord]
) -> tuple[str, list[RunRecord]]:
    """The heading of a setting, and its runs that can be compared."""
    paired, orphans = with_baseline(records)
    parts = [f"## {describe(setting)}"]
    if orphans:
        ids = listed([f"`{record.config.run_id}`" for record in orphans], ", ")
        parts.append(f"**Without baseline of the same seed, so not in the table:** {ids}")
    return page_of(parts), paired


def section(
    setting: dict[str, object], records: list[RunRecord], out: Path, name: str
) -> str:
    """Tables and plots of one setting."""
    heading, paired = opening(setting, records)
    if not paired:
        return heading
    runs = runs_table(paired)
    comparison, classes = block_comparison(runs), class_iou(paired)
    columns = comparison_columns(comparison, paired)
    parts = [heading, write_table(with_reasons(comparison), columns, out, name)]
    if pictured := len(comparison) > 1:
        parts += pictures(comparison, runs, paired, out, name)
    if len(classes.columns) > 1:
        named = [Column(c, c.removeprefix("iou_"), percent) for c in classes.columns[1:]]
        table = write_table(classes, [BLOCK_COLUMN, *named], out, f"{name}-classes")
        parts += ["IoU of each class (%), mean over seeds:", table]
    if not pictured:
        parts.append("One block only, so there is nothing to draw.")
    return page_of(parts)


def pictures(
    comparison: pd.DataFrame,
    runs: pd.DataFrame,
    records: list[RunRecord],
    out: Path,
    name: str,
) -> list[str]:
    """Draw what there are numbers for."""
    parts, lines = [], curves(records)
    if comparison["macs"].iloc[0] > 0:  # the baseline's
        plots.save(plots.miou_against_macs(comparison, runs), out, name)
        parts.append(f"![mIoU against added MACs]({name}.svg)")
    else:
        parts.append("The baseline's MACs are not known, so nothing is drawn over them.")
    if len(lines):
        plots.save(plots.learning_curves(lines), out, f"{name}-curves")
        parts.append(f"![validation mIoU over steps]({name}-curves.svg)")
    return parts


def comparison_columns(table: pd.DataFrame, records: list[RunRecord]) -> list[Column]:
    on_cpu = all(record.device.startswith("cpu") for record in records)
    return [*COMPARISON, time_column(table, on_cpu)]


def with_reasons(comparison: pd.DataFrame) -> pd.DataFrame:
    """Which operators have no count, in place of the MACs that are missing."""
    reasons = "not counted: " + comparison["not_counted"]
    stated = {
        name: comparison[name].astype(object).mask(comparison[name].isna(), reasons)
        for name in ("macs", "macs_direct")
    }
    return comparison.assign(**stated).drop(columns="not_counted")


def describe(setting: dict[str, object]) -> str:
    """A setting in one line: the four that name it, then what is not default."""
    named = ("dataset", "model", "encoder", "placement")
    usual = RunConfig().model_dump()
    others = [f"{k} {v}" for k, v in setting.items() if k not in named and v != usual[k]]
    return markdown_text(", ".join([str(setting[key]) for key in named] + others), LONG)


def version_line(records: list[RunRecord]) -> str:
    """Which user's blocks changed between runs."""
    lines = [
        f"**Runs of {len(counts)} versions of {markdown_text(label(block), LONG)}:** "
        + ", ".join(f"@{markdown_text(name)} ({count})" for name, count in counts.items())
        + ". They are not averaged together; each version has a row of its own."
        for block, counts in versions(records).items()
    ]
    return "\n\n".join(lines)


def lacking(records: Iterable[RunRecord], planned: Iterable[RunConfig]) -> list[str]:
    """The planned runs that have no record.

    A block whose file is not found here counts in whatever version it ran.
    """
    done = {record.config.run_id for record in records}
    asked = {record.config.asked().run_id for record in records}
    return [
        config.run_id
        for config in planned
        if config.run_id
        not in (done if any(getattr(config, k) for k in DERIVED) else asked)
    ]


def coverage(
    records: list[RunRecord],
    failures: list[Failure],
    planned: Sequence[RunConfig] | None,
    missing: list[str],
) -> str:
    """How much of the study is here: the means of a part of a grid can be biased."""
    counts = f"{plural(len(records), 'finished run')}, {len(failures)} failed"
    if planned is None:
        return (
            f"{counts}. How many were planned is not known here (`--sweep FILE` says it)."
        )
    here = len(planned) - len(missing)
    line = f"{counts}; {here} of the {len(planned)} planned have a record."
    if not missing:
        return line
    ids = listed([f"* `{run_id}`" for run_id in missing], "\n")
    return f"{line} **Not complete**, so means may be biased. Without record:\n\n{ids}"


def plural(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def listed(items: Sequence[str], between: str) -> str:
    """The first of them, and how many more there are."""
    more = [f"and {len(items) - LISTED} more"] if len(items) > LISTED else []
    return between.join([*items[:LISTED], *more])


def first_reason(failures: list[Failure]) -> str:
    if not failures:
        return ""
    first = failures[0]
    return f"; {len(failures)} failed, {first.config.run_id}: {first.reason}"


def failed(failures: list[Failure]) -> str:
    if not failures:
        return "None."
    rows = [
        {"run": f.config.run_id, "kind": f.kind, "reason": visible(f.reason, LONG)}
        for f in failures[:LISTED]
    ]
    columns = [Column(name, name.capitalize(), show) for name, show in FAILED.items()]
    more = f"\n\nand {len(failures) - LISTED} more" if len(failures) > LISTED else ""
    return markdown(pd.DataFrame(rows), columns) + more


FAILED = {"run": text, "kind": text, "reason": prose}


def notes(records: list[RunRecord]) -> str:
    """What else a reader must know of single runs."""
    lines = [
        f"* `{record.config.run_id}`: {markdown_text(note, LONG)}"
        for record in records
        for note in record.notes
    ]
    return listed(lines, "\n") or "None."


def provenance(records: list[RunRecord]) -> str:
    """Devices, versions, commits and data; several of one kind are pointed out."""
    kinds: dict[str, Iterable[str]] = {
        "Device": {record.device for record in records},
        "Versions": {", ".join(f"{k} {v}" for k, v in r.versions.items()) for r in records},
        "Commit": {record.commit for record in records},
        "Data": {record.data for record in records},
    }
    lines = []
    for kind, values in kinds.items():
        several = " **(differs between runs)**" if len(set(values)) > 1 else ""
        shown = listed([markdown_text(value, LONG) for value in sorted(values)], "; ")
        lines.append(f"* {kind}{several}: {shown}")
    return "\n".join(lines)
