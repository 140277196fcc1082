"""All records in one file, Parquet or CSV, from which they are read back exactly.

A row is a record. Its columns are the keys of the configuration and of the record; what is
nested, such as the confusion matrix, is JSON. Each row keeps a checksum of its record.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from ablations.documents import checksum, problem_of
from ablations.errors import InputError, quoted
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.whole_file import write_whole
from reports import records_csv, records_parquet

Row = dict[str, Any]
SUM, RUN = "sha256", "run_id"
NESTED = {"iou", "confusion", "curve", "versions", "failures", "notes"}

# By the ending of the file.
WRITERS: dict[str, Callable[[Sequence[Row]], bytes]] = {
    ".parquet": records_parquet.content,
    ".csv": records_csv.content,
}
READERS: dict[str, Callable[[Path, set[str]], Iterable[Row]]] = {
    ".parquet": records_parquet.rows,
    ".csv": records_csv.rows,
}


def is_export(path: Path) -> bool:
    return path.suffix in READERS and not path.is_dir()


def write_export(records: Iterable[RunRecord], path: Path) -> None:
    """Write whole or not at all. Raises InputError for another ending."""
    if path.suffix not in WRITERS:
        endings = " or ".join(WRITERS)
        raise InputError(f"{path}: the name of a file of records ends with {endings}")
    write_whole(path, WRITERS[path.suffix](list(map(row_of, records))))


def read_export(path: Path) -> Iterator[RunRecord]:
    """The records of a file; InputError names the row that was changed or is damaged."""
    if not path.is_file():
        raise InputError(f"{path}: no such file of records")
    for number, row in enumerate(READERS[path.suffix](path, text_keys()), start=1):
        try:
            yield record_of(row)
        except ValidationError as error:
            raise InputError(f"{place(path, number, row)}: {problem_of(error)}") from None
        except ValueError as error:
            raise InputError(f"{place(path, number, row)}: {error}") from None


def place(path: Path, number: int, row: Row) -> str:
    return f"{path}: record {number} ({quoted(row.get(RUN))})"


def row_of(record: RunRecord) -> Row:
    content = record.model_dump(mode="json")
    row: Row = {RUN: record.config.run_id, SUM: checksum(content)}
    flat = content.pop("config") | content
    return row | {key: packed(key, value) for key, value in flat.items()}


def packed(key: str, value: Any) -> Any:
    return json.dumps(value) if key in NESTED and value is not None else value


def record_of(row: Row) -> RunRecord:
    """Raises ValueError, pydantic's among them, if the row is not what was exported."""
    if missing := {RUN, SUM} - row.keys():
        raise InputError(
            f"no column {', '.join(sorted(missing))}; not an export of records"
        )
    keys = [key for key in row if key not in (RUN, SUM)]
    content = {key: unpacked(key, row[key]) for key in keys}
    config = {key: content.pop(key) for key in keys if key in RunConfig.model_fields}
    content["config"] = config
    if row[SUM] != checksum(content):
        raise InputError("was changed after it was exported; export the records again")
    record = RunRecord.model_validate(content)
    if record.config.run_id != row[RUN]:
        raise InputError(f"belongs to run {record.config.run_id}")
    return record


def unpacked(key: str, cell: Any) -> Any:
    if key not in NESTED or cell is None:
        return cell
    try:
        return json.loads(cell)
    except (ValueError, TypeError, RecursionError):
        raise InputError(f"{key} is not JSON") from None


def text_keys() -> set[str]:
    """The columns whose cells are text; others are numbers, truth values or missing."""
    fields = RunConfig.model_fields | RunRecord.model_fields
    texts = {key for key, field in fields.items() if holds_text(field.annotation)}
    return texts | NESTED | {RUN, SUM}


def holds_text(kind: Any) -> bool:
    """Whether a type, or a part of it such as a choice, is text."""
    return kind is str or isinstance(kind, str) or any(map(holds_text, get_args(kind)))
