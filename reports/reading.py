"""What a folder of runs holds, whatever else is in it: nothing lost, nothing hidden.

A file that cannot be read is a problem with one line; the others are reported.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from ablations.errors import InputError, printable
from ablations.records import Failure, RunRecord
from ablations.run_folder import FAILURE, RECORD
from reports.completeness import first, first_reason
from reports.page import Items, Part, Strong, Text

Run = TypeVar("Run", RunRecord, Failure)


class Reading(NamedTuple):
    """The runs below a folder, and the files that hold no further run."""

    records: list[RunRecord]  # ordered by path, each run once
    failures: list[Failure]  # of runs without a record
    problems: list[str]  # a line for each file that cannot be read
    copies: list[str]  # a line for each record that is there twice


def read_runs(folder: Path) -> Reading:
    """Read every record and failure below a folder.

    Raises InputError if there is no record that can be read, and if two files state
    different results of one run.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of runs")
    problems: list[str] = []
    paths = sorted(folder.rglob(RECORD))
    records, copies = distinct(readable(paths, read_compact, problems))
    paths = [p for p in sorted(folder.rglob(FAILURE)) if not p.with_name(RECORD).exists()]
    failures = [failure for _, failure in readable(paths, Failure.read_own, problems)]
    if not records:
        raise nothing_to_report(folder, failures, problems)
    return Reading(records, failures, problems, copies)


def readable(
    paths: Iterable[Path], read: Callable[[Path], Run], problems: list[str]
) -> Iterator[tuple[Path, Run]]:
    """The files that can be read; what is wrong with the others is added to problems."""
    for path in paths:
        try:
            yield path, read(path)
        except InputError as error:
            problems.append(printable(str(error)))


def read_compact(path: Path) -> RunRecord:
    """A record without the losses between validations: they fill the memory unseen."""
    record = RunRecord.read_own(path)
    validations = [point for point in record.curve if point.keys() & SHOWN]
    return record.model_copy(update={"curve": validations})


SHOWN = {"val_miou", "val_information"}  # of the points of a curve


def distinct(
    records: Iterable[tuple[Path, RunRecord]],
) -> tuple[list[RunRecord], list[str]]:
    """Each run once, and a line for each equal copy; InputError for one that differs."""
    first: dict[str, tuple[Path, RunRecord]] = {}
    copies: list[str] = []
    for path, record in records:
        before, known = first.setdefault(path.parent.name, (path, record))
        if record != known:
            raise InputError(
                f"{before} and {path} are the same run with different results; move one "
                "of them away"
            )
        if path != before:
            copies.append(f"{path} is the same record as {before}, and counted once")
    return [record for _, record in first.values()], copies


def nothing_to_report(
    folder: Path, failures: list[Failure], problems: list[str]
) -> InputError:
    if not problems:
        return InputError(f"{folder}: no record of a finished run{first_reason(failures)}")
    more = f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else ""
    return InputError(f"{folder}: no record that can be read; {problems[0]}{more}")


def problem_parts(reading: Reading) -> list[Part]:
    """The files that are not in the report, for its head."""
    parts: list[Part] = []
    for title, lines in [
        (
            "Files that cannot be read, so their runs are not in this report:",
            reading.problems,
        ),
        ("Runs that are there twice:", reading.copies),
    ]:
        if lines:
            parts += [Text(Strong(title)), Items(first([Text(line) for line in lines]))]
    return parts
