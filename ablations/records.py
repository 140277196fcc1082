"""What is written down: one folder per run, with a record of its result or its failure.

runs/<study>/<run_id>/record.json    finished: the done-marker of the run
runs/<study>/<run_id>/failure.json   failed, with the reason; removed by a later success
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ablations.errors import InputError, writing
from ablations.study import RunConfig, first_problem

FailureKind = Literal["out of memory", "non-finite loss", "time-out", "crash", "error"]
LOG_LINES, LOG_CHARACTERS = 40, 20_000  # kept of a failed run, at most


class Document(BaseModel):
    """A JSON file that is written whole or not at all and notices when it was changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def write(self, path: Path) -> None:
        """Write to a partial file, flush, rename. Raises UnwritableError."""
        content = self.model_dump(mode="json")
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("w") as file:
                json.dump(content | {"sha256": checksum(content)}, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a file; InputError says what is wrong with it."""
        try:
            content = json.loads(path.read_text())
            stated = content.pop("sha256")
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, AttributeError, TypeError):
            raise InputError(f"{path}: truncated or not a record") from None
        if stated != checksum(content):
            raise InputError(f"{path}: was changed after it was written")
        try:
            return cls(**content)
        except ValidationError as error:
            raise InputError(f"{path}: {first_problem(error)}") from None


class RunRecord(Document):
    """The result of one finished run, with all it takes to compare or repeat it."""

    config: RunConfig
    miou: float = Field(ge=0, le=1)  # last validation
    iou: dict[str, float | None]  # by class, [0, 1]; None: neither in labels nor predicted
    val_loss: float
    curve: list[dict[str, float]]  # of the training: step, train_loss, and val_miou if any
    params: int
    macs: int | None  # multiply-adds for one image of image_size, as run
    macs_direct: int | None  # the same with blocks computed as published
    not_counted: str = ""  # why macs are None: the operators without a count
    train_seconds: float  # wall clock over all sessions, without validation
    compute_seconds: float | None = (
        None  # the same in CPU seconds, on a GPU in device seconds
    )
    device: str
    versions: dict[str, str]
    commit: str
    data: str  # fingerprint of the data set
    failures: tuple[str, ...] = ()  # why earlier attempts failed, if any did
    notes: tuple[str, ...] = ()  # what else a reader must know, a sentence each

    def row(self) -> dict[str, Any]:
        """The record as one flat table row."""
        fields = self.model_dump(
            exclude={"config", "iou", "curve", "versions", "failures", "notes"}
        )
        return self.config.model_dump() | fields | {"run_id": self.config.run_id}


class Failure(Document):
    """Why a run has no record."""

    config: RunConfig
    kind: FailureKind
    reason: str  # one line
    log: str  # the end of what the run printed, and the traceback if there was one
    earlier: tuple[str, ...] = ()  # the reasons of the tries before this one

    @property
    def reasons(self) -> tuple[str, ...]:
        """Of every try, the last one at the end."""
        return (*self.earlier, self.reason)

    def note(self, study: Path) -> None:
        """Write it where the run belongs; failures of earlier tries are not forgotten."""
        earlier = failures(self.config, study)
        path = failure_path(self.config, study)
        self.model_copy(update={"earlier": earlier}).write(path)


def tail(text: str) -> str:
    """The last lines of a log."""
    return "\n".join(text[-LOG_CHARACTERS:].splitlines()[-LOG_LINES:])


def checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def run_folder(config: RunConfig, study: Path) -> Path:
    return study / config.run_id


def failure_path(config: RunConfig, study: Path) -> Path:
    return run_folder(config, study) / "failure.json"


def failures(config: RunConfig, study: Path) -> tuple[str, ...]:
    """Why the tries of a run failed until now."""
    path = failure_path(config, study)
    return Failure.read(path).reasons if path.exists() else ()


def has_record(config: RunConfig, study: Path) -> bool:
    return (run_folder(config, study) / "record.json").exists()


def read_records(folder: Path) -> Iterator[RunRecord]:
    """Every record below folder, in the order of paths."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of runs")
    for path in sorted(folder.rglob("record.json")):
        record = RunRecord.read(path)
        if path.parent.name != record.config.run_id:
            raise InputError(f"{path}: belongs to run {record.config.run_id}")
        yield record


def read_failures(folder: Path) -> Iterator[Failure]:
    """Every failure below folder whose run has no record."""
    for path in sorted(folder.rglob("failure.json")):
        if not path.with_name("record.json").exists():
            yield Failure.read(path)
