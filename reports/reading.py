"""What folders and files of records hold, whatever else is in them.

Nothing is lost and nothing is hidden: a file that cannot be read is a problem with one
line, and the others are reported; a run that is there twice counts once, and is named.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from ablations.errors import InputError, printable
from ablations.records import Failure, RunRecord
from ablations.run_folder import RECORD, Copy, Source, distinct, failure_files
from reports.completeness import first, first_reason
from reports.export import is_export, read_export
from reports.page import Code, Items, Part, Strong, Text
from reports.write.cells import shortened

Run = TypeVar("Run", RunRecord, Failure)
SHOWN = {"val_miou", "val_information"}  # of the points of a curve


class Reading(NamedTuple):
    """Every run once, and the files that hold no further run."""

    records: list[RunRecord]  # ordered by place and path
    failures: list[Failure]  # of runs without a record in any of the places
    problems: list[str]  # a line for each file that cannot be read
    copies: list[Copy]


def read_runs(*places: Path) -> Reading:
    """Read folders of runs and exported files.

    Raises InputError for a place that is neither, if there is no record that can be read,
    for a damaged row of an exported file, and for a run with two results.
    """
    problems: list[str] = []
    records, copies = distinct(sources(places, problems))
    lost = {
        failure.config.run_id: failure
        for folder in places
        for _, failure in failures_in(folder, problems)
        if failure.config.run_id not in records
    }
    if not records:
        raise nothing_to_report(places, list(lost.values()), problems)
    return Reading([*records.values()], [*lost.values()], problems, copies)


def sources(places: Iterable[Path], problems: list[str]) -> Iterator[Source]:
    """Every record with its file; a file that two places share is read once."""
    read = set[Path]()
    for place in places:
        files = set[Path]()
        for path, record in records_in(place, problems):
            if (file := path.resolve()) not in read:
                yield path, record
            files.add(file)
        read |= files


def records_in(place: Path, problems: list[str]) -> Iterator[Source]:
    if is_export(place):
        yield from ((place, compact(record)) for record in read_export(place))
        return
    if not place.is_dir():
        raise InputError(f"{place}: no such folder of runs")
    yield from readable(sorted(place.rglob(RECORD)), read_compact, problems)


def failures_in(place: Path, problems: list[str]) -> Iterator[tuple[Path, Failure]]:
    paths = failure_files(place) if place.is_dir() else []
    return readable(paths, Failure.read_own, problems)


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
    return compact(RunRecord.read_own(path))


def compact(record: RunRecord) -> RunRecord:
    """Without the losses between validations: they fill the memory unseen."""
    validations = [point for point in record.curve if point.keys() & SHOWN]
    return record.model_copy(update={"curve": validations})


def nothing_to_report(
    places: Iterable[Path], failures: list[Failure], problems: list[str]
) -> InputError:
    names = ", ".join(map(str, places))
    if not problems:
        return InputError(f"{names}: no record of a finished run{first_reason(failures)}")
    more = f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else ""
    return InputError(f"{names}: no record that can be read; {problems[0]}{more}")


def problem_parts(reading: Reading) -> list[Part]:
    """The files that are not in the report, and the runs that are there twice."""
    parts: list[Part] = []
    if reading.problems:
        title = "Files that cannot be read, so their runs are not in this report:"
        lines = [Text(line) for line in reading.problems]
        parts += [Text(Strong(title)), Items(first(lines))]
    if reading.copies:
        lines = [
            Text(Code(run), f": {shortened(copy)} has the same result as {shortened(kept)}")
            for run, kept, copy in reading.copies
        ]
        title = "Runs that are there more than once, and count once:"
        parts += [Text(Strong(title)), Items(first(lines))]
    return parts
