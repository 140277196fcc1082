"""JSON files that are written whole or not at all, and whose readers detect any change."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ablations.errors import InputError, quoted
from ablations.run_config import first_problem
from ablations.whole_file import write_whole

MAX_BYTES = 2**25
LINE = 300  # characters of a message
FORMAT: Final = 1  # of the files; a file that does not state one has format 1
REMEDY = "to make it again, move the file away"

Count = Annotated[int, Field(strict=True, ge=0, lt=10**18)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Seconds = Annotated[Number, Field(ge=0, lt=1e10)]
Text = Annotated[str, Field(strict=True, min_length=1)]


class Document(BaseModel):
    """A JSON file that is written whole or not at all; reading it detects any change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT

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


def rejection(path: Path, problem: str) -> InputError:
    """The error for a file that is not what its name says."""
    return InputError(f"{path}: {problem}; {REMEDY}")


def has_this_format(content: dict[str, Any]) -> bool:
    number = content.get("format", FORMAT)
    return type(number) is int and number == FORMAT  # True and 1.0 equal 1


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


def checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
