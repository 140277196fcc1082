"""Records as Parquet, with pyarrow."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from ablations.errors import InputError

ADVICE = "Parquet needs pyarrow: pip install pyarrow, or use a .csv file"
ROWS = 1000  # that are in memory as Python objects at a time


def content(rows: Sequence[dict[str, Any]]) -> bytes:
    try:
        from pyarrow import Table, parquet
    except ImportError:
        raise InputError(ADVICE) from None
    file = BytesIO()
    parquet.write_table(Table.from_pylist(list(rows)), file, compression="zstd")
    return file.getvalue()


def rows(path: Path, texts: set[str]) -> Iterator[dict[str, Any]]:
    """The rows, whose types the file states. Raises InputError."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise InputError(f"{path}: {ADVICE}") from None
    try:
        for batch in parquet.ParquetFile(path).iter_batches(ROWS):
            yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: truncated or not Parquet ({reason})") from None
