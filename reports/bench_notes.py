"""What could not be measured, and why: notes below the tables of timings."""

from collections.abc import Iterator
from typing import Any

from pandas import DataFrame

from reports.units import label
from reports.write.cells import shortened

END = "_problem"  # of the columns that hold reasons


def block_notes(numbers: DataFrame) -> list[str]:
    return [note for row in numbers.to_dict("records") for note in notes_of(row)]


def notes_of(row: dict[Any, Any]) -> Iterator[str]:
    """One note for all evaluations that have the same reason."""
    reasons: dict[str, list[str]] = {}
    for key, reason in row.items():
        if key.endswith(END) and isinstance(reason, str) and reason:
            reasons.setdefault(reason, []).append(key.removesuffix(END))
    for reason, evaluations in reasons.items():
        what = f"{label(row['block'])} at {row['shape']} ({' and '.join(evaluations)})"
        yield f"{what}: {shortened(reason)}."


def model_notes(numbers: DataFrame) -> list[str]:
    return [
        f"{label(row['block'])} ({row['evaluation']}): {shortened(row['problem'])}."
        for row in numbers.to_dict("records")
        if row["problem"]
    ]
