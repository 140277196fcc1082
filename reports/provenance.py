"""Where runs come from: devices, versions, commits, data; and notes on single runs."""

from collections.abc import Iterable, Sequence

from ablations.records import RunRecord
from reports.completeness import LISTED, first, rest
from reports.page import Code, Inline, Items, Part, Strong, Text
from reports.tables import versions
from reports.units import label
from reports.write.cells import shortened


def version_lines(records: Sequence[RunRecord]) -> list[Part]:
    """The user's blocks that changed between runs."""
    return [
        Text(
            Strong(f"Runs of {len(counts)} versions of {shortened(label(block))}:"),
            " " + ", ".join(f"@{name} ({count})" for name, count in counts.items()),
            ". They are not averaged together; each version has its own row.",
        )
        for block, counts in versions(records).items()
    ]


def notes(records: Sequence[RunRecord]) -> Part:
    """What else a reader must know about single runs."""
    lines = [
        Text(Code(record.config.run_id), f": {shortened(note)}")
        for record in records
        for note in record.notes
    ]
    return Items(first(lines)) if lines else Text("None.")


def provenance(records: Sequence[RunRecord]) -> Items:
    """Where the runs ran; lines with several values say so."""
    return Items(
        [
            kind_line("Device", (record.device for record in records)),
            kind_line("Versions", map(versions_line, records)),
            kind_line("Commit", (record.commit for record in records)),
            kind_line("Data", (record.data for record in records)),
        ]
    )


def versions_line(record: RunRecord) -> str:
    return ", ".join(f"{name} {version}" for name, version in record.versions.items())


def kind_line(kind: str, values: Iterable[str]) -> Text:
    different = sorted(set(values))
    several: list[Inline] = (
        [" ", Strong("(differs between runs)")] if len(different) > 1 else []
    )
    names = [*map(shortened, different[:LISTED]), *rest(len(different))]
    return Text(kind, *several, ": " + "; ".join(names))
