"""The records of several folders and files together, each run once."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ablations.errors import InputError
from ablations.records import Failure, RunRecord
from ablations.run_folder import check_same_result, read_failures, recorded
from reports.completeness import first, first_reason, plural
from reports.export import is_export, read_export
from reports.page import Code, Items, Part, Strong, Text
from reports.write.cells import shortened

Source = tuple[Path, RunRecord]  # a record and its file


class Gathered(NamedTuple):
    """Every run once, and the files that hold a run that an earlier one holds, too."""

    records: list[RunRecord]
    failures: list[Failure]  # of runs without a record in any of the places
    copies: list[tuple[str, Path, Path]]  # run id, the file that counts, its copy


def gather(places: Sequence[Path]) -> Gathered:
    """Read folders of runs and exported files.

    Raises InputError for a place that is neither, if there is no record, for a damaged
    one, and for a run with two results.
    """
    seen: dict[str, Source] = {}
    copies = list[tuple[str, Path, Path]]()
    for path, record in sources(places):
        run_id = record.config.run_id
        before = seen.setdefault(run_id, (path, record))
        if before[1] is not record:
            check_same_result(before, (path, record))
            copies.append((run_id, before[0], path))
    folders = [place for place in places if place.is_dir()]
    failures = [failure for folder in folders for failure in read_failures(folder)]
    lost = {f.config.run_id: f for f in failures if f.config.run_id not in seen}
    if not seen:
        names = ", ".join(map(str, places))
        reason = first_reason(list(lost.values()))
        raise InputError(f"{names}: no record of a finished run{reason}")
    return Gathered([record for _, record in seen.values()], [*lost.values()], copies)


def sources(places: Iterable[Path]) -> Iterator[Source]:
    """Every record with its file; a file that two places share is read once."""
    read = set[Path]()
    for place in places:
        files = set[Path]()
        for path, record in records_of(place):
            if (file := path.resolve()) not in read:
                yield path, record
            files.add(file)
        read |= files


def records_of(place: Path) -> Iterator[Source]:
    if is_export(place):
        yield from ((place, record) for record in read_export(place))
    else:
        yield from recorded(place)


def copy_parts(gathered: Gathered) -> list[Part]:
    """Names the runs that were found more than once."""
    if not gathered.copies:
        return []
    number = plural(len(gathered.copies), "record")
    copied = "is a copy" if len(gathered.copies) == 1 else "are copies"
    lines = [
        Text(Code(run_id), f": {shortened(copy)} has the same result as {shortened(kept)}")
        for run_id, kept, copy in gathered.copies
    ]
    warning = Strong(f"{number} {copied} of another, so each run counts once:")
    return [Text(warning), Items(first(lines))]
