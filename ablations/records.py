"""What a run writes: a record of its result, or its failure."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from ablations.errors import InputError, quoted
from ablations.run_config import RunConfig, first_problem
from ablations.whole_file import write_whole

FailureKind = Literal["out of memory", "non-finite loss", "time-out", "crash", "error"]
LOG_LINES, LOG_CHARACTERS = 40, 20_000  # of a failed run, at most
MAX_BYTES = 2**25
LINE = 300  # characters of a message
ROUNDING = 1e-4  # of a mean that was computed elsewhere
FORMAT: Final = 1  # of the files; a file that does not state one has format 1
REMEDY = "to repeat the run, move the file away"


class Document(BaseModel):
    """A JSON file that is written whole or not at all; reading it detects any change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT
    config: RunConfig

    @model_validator(mode="before")
    @classmethod
    def of_this_format(cls, content: Any) -> Any:
        """Another format is rejected before its keys are checked."""
        if isinstance(content, dict) and not has_this_format(content):
            number = quoted(content["format"])
            raise ValueError(
                f"format {number} cannot be read; this version of the suite reads format "
                f"{FORMAT}, update it if a newer version wrote this"
            )
        return content

    @field_validator("config", mode="before")
    @classmethod
    def as_stated(cls, config: Any) -> Any:
        """A source that the file does not state is not looked up: it may have changed."""
        return {"source": ""} | config if isinstance(config, dict) else config

    def write(self, path: Path) -> None:
        """Write the file whole or not at all. Raises UnwritableError."""
        content = self.model_dump(mode="json")
        text = json.dumps(content | {"sha256": checksum(content)}, indent=2)
        write_whole(path, f"{text}\n".encode())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a file; InputError says what is wrong with it."""
        content = read_json(path)
        if not isinstance(content, dict) or "sha256" not in content:
            raise rejection(path, "truncated or not a record")
        if content.pop("sha256") != checksum(content):
            raise rejection(path, "was changed after it was written")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise rejection(path, problem_of(error)) from None

    @classmethod
    def read_own(cls, path: Path) -> Self:
        """The same for a file that must be in the folder of its run."""
        document = cls.read(path)
        if path.parent.name != document.config.run_id:
            raise rejection(path, f"belongs to run {document.config.run_id}")
        return document

    @classmethod
    def read_of(cls, path: Path, config: RunConfig) -> Self:
        """The same for the file of one run; two configurations may have the same id."""
        document = cls.read_own(path)
        if document.config.overrides() != config.overrides():
            raise rejection(path, "belongs to another run with the same id")
        return document


def rejection(path: Path, problem: str) -> InputError:
    """The error for a file that is not what its name says."""
    return InputError(f"{path}: {problem}; {REMEDY}")


def has_this_format(content: dict[str, Any]) -> bool:
    number = content.get("format", FORMAT)
    return type(number) is int and number == FORMAT  # True and 1.0 equal 1


def states(content: object, config: RunConfig) -> bool:
    """Whether content states this configuration; the values of a record are not checked."""
    if not isinstance(content, dict) or not has_this_format(content):
        return False
    return bool(content.get("config") == config.model_dump())


def read_json(path: Path) -> object:
    """InputError unless the path is a file of plain JSON of a sensible size."""
    try:
        if not path.is_file():
            raise rejection(path, "not a regular file")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise rejection(path, f"{size:,} bytes; a record has at most {MAX_BYTES:,}")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise rejection(path, "truncated or not a record (not UTF-8)") from None
    try:
        content = json.loads(text, object_pairs_hook=unique)
        if r"\ud" in text.lower():  # unpaired surrogates, which no file can hold
            json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = repr(error.object[error.start])
        raise rejection(path, f"{half} is an unpaired surrogate, not text") from None
    except (ValueError, RecursionError):
        raise rejection(path, "truncated or not a record") from None
    return content


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("duplicate key")
    return content


def problem_of(error: ValidationError) -> str:
    """One line, however much is missing or too long."""
    problem = error.errors()[0]
    if problem["type"] == "missing":
        return f"{'.'.join(map(str, problem['loc']))} is missing"
    line = first_problem(error) if problem["loc"] else problem["msg"]
    line = line.replace("Value error, ", "")
    if problem["type"] == "extra_forbidden":
        line += "; update the suite if a newer version wrote this"
    return line if len(line) < LINE else f"{line[: LINE // 2]} ... {line[-LINE // 2 :]}"


Count = Annotated[int, Field(strict=True, ge=0, lt=10**18)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[Number, Field(ge=0, le=1)]
Seconds = Annotated[Number, Field(ge=0, lt=1e10)]
Loss = Annotated[Number, Field(ge=0, lt=3.5e38)]  # cross-entropy in float32
Text = Annotated[str, Field(strict=True, min_length=1)]


def check_point(point: dict[str, float]) -> dict[str, float]:
    """A point of a curve: step, and train_loss or val_miou or both."""
    ranges = {"step": 10**12, "train_loss": 3.5e38, "val_miou": 1}
    if "step" not in point or len(point) < 2 or not point.keys() <= ranges.keys():
        raise ValueError(
            "a point has a step and a train_loss or val_miou, and no other key"
        )
    for key, value in point.items():
        if not 0 <= value <= ranges[key]:
            raise ValueError(f"{key} is not between 0 and {ranges[key]:g}")
    if point["step"] % 1:
        raise ValueError("step is not a whole number")
    return point


Point = Annotated[dict[str, Number], AfterValidator(check_point)]


class RunRecord(Document):
    """The result of one finished run, with all it takes to compare or repeat it."""

    miou: Share  # last validation; the mean of iou
    iou: dict[Text, Share | None] = Field(min_length=1)  # by class; None: occurred nowhere
    val_loss: Loss
    curve: list[Point]  # of the training
    params: Count
    macs: Count | None  # multiply-adds for one image of image_size, as run
    macs_direct: Count | None  # the same with blocks computed as published
    not_counted: str = ""  # why macs are None: the operators without a count
    train_seconds: Seconds  # wall clock over all sessions, without validation
    compute_seconds: Seconds | None = None  # the same of a CPU core, or of a GPU
    device: str
    versions: dict[str, str]
    commit: str
    data: str  # fingerprint of the data set
    failures: tuple[str, ...] = ()  # why earlier attempts failed, if any did
    notes: tuple[str, ...] = ()  # what else a reader must know, a sentence each

    @model_validator(mode="after")
    def mean_is_of_iou(self) -> Self:
        present = [iou for iou in self.iou.values() if iou is not None]
        mean = sum(present) / max(1, len(present))
        if abs(self.miou - mean) > ROUNDING:
            raise ValueError(f"miou = {self.miou}: the mean of iou is {mean}")
        return self

    def row(self) -> dict[str, Any]:
        """The record as one flat table row."""
        fields = self.model_dump(
            exclude={"format", "config", "iou", "curve", "versions", "failures", "notes"}
        )
        return self.config.model_dump() | fields | {"run_id": self.config.run_id}


class Failure(Document):
    """Why a run has no record."""

    kind: FailureKind
    reason: str  # one line
    log: str  # the end of what the run printed, and the traceback if there was one
    earlier: tuple[str, ...] = ()  # the reasons of earlier attempts

    @property
    def reasons(self) -> tuple[str, ...]:
        """One for each attempt, the last at the end."""
        return (*self.earlier, self.reason)


def tail(text: str) -> str:
    """The last lines of a log; unpaired surrogates are escaped."""
    text = text[-LOG_CHARACTERS:].encode(errors="backslashreplace").decode()
    return "\n".join(text.splitlines()[-LOG_LINES:])


def checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
