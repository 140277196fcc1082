"""Rows of a bench are kept as they come, and measured once in equal circumstances."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ablations.benchmark.candidates import Effort
from ablations.benchmark.kept_rows import KeptRows, circumstances_of

CPU = torch.device("cpu")
ONCE = Effort(CPU, threads=1, rounds=1, seconds=60)


def kept(path: Path, rounds: int = 1) -> KeptRows:
    return KeptRows(path, circumstances_of(ONCE._replace(rounds=rounds)))


def row_of(problem: str = "") -> dict[str, Any]:
    return {"block": "se", "direct_step": 0.5, "direct_problem": problem}


def never() -> dict[str, Any]:
    raise AssertionError("it was measured before")


def test_a_row_is_measured_once_in_equal_circumstances(tmp_path: Path) -> None:
    path = tmp_path / "new" / "bench.jsonl"
    first = kept(path).row("a case", "se", row_of)
    assert kept(path).row("a case", "se", never) == first
    for again in (("another", 1), ("a case", 2)):
        with pytest.raises(AssertionError):
            kept(path, again[1]).row(again[0], "se", never)


def test_a_row_with_a_reason_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "bench.jsonl"
    kept(path).row("a case", "se", lambda: row_of("a step: out of memory"))
    assert kept(path).row("a case", "se", row_of)["direct_problem"] == ""
    assert len(path.read_text().splitlines()) == 2


def test_half_a_line_costs_its_own_row_only(tmp_path: Path) -> None:
    path = tmp_path / "bench.jsonl"
    for case in ("one", "two"):
        kept(path).row(case, "se", row_of)
    path.write_text(path.read_text()[:-20])
    assert kept(path).row("two", "se", row_of)["direct_step"] == 0.5
    for case in ("one", "two"):
        kept(path).row(case, "se", never)


def test_a_block_of_ones_own_that_changes_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "own_bench_block.py"
    file.write_text("one = 1\n")
    path, block = tmp_path / "bench.jsonl", "own_bench_block:One"
    kept(path).row("a case", block, row_of)
    kept(path).row("a case", block, never)
    file.write_text("one = 1 + 0\n")
    with pytest.raises(AssertionError):
        kept(path).row("a case", block, never)
