"""Rows that were measured, kept in a file as they come, so that no interruption costs one.

Each line of the file is JSON: what was measured, in which circumstances, and the numbers. A
row is used again in equal circumstances only; others stay in the file.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from ablations.benchmark.candidates import Effort
from ablations.benchmark.devices import device_name, load
from ablations.errors import writing
from ablations.sources import source_of
from ablations.version import commit

Row = dict[str, Any]
Value = int | float | str


class Circumstances(BaseModel):
    """What times depend on besides the case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str  # its name
    threads: int
    rounds: int
    torch: str  # version
    code: str  # digest of this package's code


class KeptRow(BaseModel):
    """A line of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    case: str
    circumstances: Circumstances
    row: dict[str, Value]


class KeptRows:
    """The rows of one file that were measured completely in these circumstances."""

    def __init__(self, path: Path, circumstances: Circumstances) -> None:
        self.path, self.circumstances = path, circumstances
        self.append("")
        if ends_in_half_a_line(path):
            self.append("\n")
        self.rows = {
            kept.case: kept.row
            for kept in read_rows(path)
            if kept.circumstances == circumstances and is_complete(kept.row)
        }

    def row(self, case: str, block: str, measure: Callable[[], Row]) -> Row:
        """The row of a case: from the file, or measured now and added to it.

        block may be a user's own: then its source is part of the case.
        """
        case += source_of({"block": block})
        if case not in self.rows:
            row = measure() | {"load": load(), "commit": commit()}
            line = KeptRow(case=case, circumstances=self.circumstances, row=row)
            self.append(f"{line.model_dump_json()}\n")
            self.rows[case] = row
        return self.rows[case]

    def append(self, text: str) -> None:
        """Raises UnwritableError."""
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())


def circumstances_of(effort: Effort) -> Circumstances:
    return Circumstances(
        device=device_name(effort.device),
        threads=effort.threads,
        rounds=effort.rounds,
        torch=torch.__version__,
        code=digest_of_code(),
    )


def is_complete(row: Row) -> bool:
    """Whether nothing stopped a measurement; else it is worth another attempt."""
    return not any(row[key] for key in row if key.endswith("problem"))


def read_rows(path: Path) -> list[KeptRow]:
    """The rows of a file; a line that cannot be read, such as half a line, is no row."""
    rows = []
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            rows.append(KeptRow.model_validate_json(line))
        except ValidationError:
            continue
    return rows


def ends_in_half_a_line(path: Path) -> bool:
    """As a killed process may leave it."""
    content = path.read_bytes()
    return bool(content) and not content.endswith(b"\n")


@cache
def digest_of_code() -> str:
    """Of the files that decide what is measured and how."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
