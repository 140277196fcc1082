"""How complete a study is: its planned, finished and failed runs."""

from collections.abc import Sequence

import pandas as pd

from ablations.records import Failure, RunRecord
from ablations.run_config import DERIVED, RunConfig
from reports.columns import FAILED
from reports.page import Code, Heading, Items, Part, Strong, Table, Text
from reports.write.cells import shortened

LISTED = 50  # the most runs, failures or notes that a page lists


def lacking(records: Sequence[RunRecord], planned: Sequence[RunConfig]) -> list[str]:
    """The planned runs that have no record.

    If the file of a user's block is not available here, a record of any of its versions
    will do.
    """
    if not planned:  # ids of many runs take seconds
        return []
    recorded = {record.config.run_id for record in records}
    of_any_version = {record.config.without_derived().run_id for record in records}
    return [
        config.run_id
        for config in planned
        if config.run_id not in (recorded if has_version(config) else of_any_version)
    ]


def has_version(config: RunConfig) -> bool:
    """Whether the source of a user's block could be read."""
    return any(getattr(config, name) for name in DERIVED)


def coverage(
    records: Sequence[RunRecord],
    failures: Sequence[Failure],
    planned: Sequence[RunConfig] | None,
    missing: Sequence[str],
) -> list[Part]:
    """How complete the study is: means over a part of a grid can be biased."""
    counts = f"{plural(len(records), 'finished run')}, {len(failures)} failed"
    if planned is None:
        unknown = f"{counts}. The number of planned runs is unknown without "
        return [Text(unknown, Code("--sweep FILE"), ".")]
    finished = len(planned) - len(missing)
    line = f"{counts}; {finished} of the {len(planned)} planned have a record."
    if not missing:
        return [Text(line)]
    warning = Strong("Not complete"), ", so means may be biased. Runs without a record:"
    ids = [Text(Code(run_id)) for run_id in missing]
    return [Text(f"{line} ", *warning), Items(first(ids))]


def failed(failures: Sequence[Failure]) -> list[Part]:
    heading = Heading("Failed runs")
    if not failures:
        return [heading, Text("None.")]
    rows = [
        {"run": f.config.run_id, "kind": f.kind, "reason": shortened(f.reason)}
        for f in failures[:LISTED]
    ]
    return [heading, Table(pd.DataFrame(rows), FAILED, notes=rest(len(failures)))]


def first_reason(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    first = failures[0]
    return f"; {len(failures)} failed, {first.config.run_id}: {first.reason}"


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first(items: Sequence[Text]) -> list[Text]:
    """At most LISTED items, then how many more there are."""
    return [*items[:LISTED], *map(Text, rest(len(items)))]


def rest(number: int) -> list[str]:
    return [f"and {number - LISTED} more"] if number > LISTED else []
