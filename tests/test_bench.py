"""A bench measures what it can, and loses nothing to a kill."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ablations.attention import BLOCKS
from ablations.benchmark import timing
from ablations.benchmark.bench import bench_case
from ablations.benchmark.candidates import Effort
from ablations.benchmark.cases import Case, stage_cases
from ablations.cli import main
from reports import bench_rows

CPU = torch.device("cpu")
ONCE = Effort(CPU, threads=1, rounds=1, seconds=60)


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call per round: the figures themselves do not matter here."""
    monkeypatch.setattr(timing, "SECONDS_PER_ROUND", 1e-6)


FAILS = "tests.test_bench_foresight:Fails"
STAGES = ["--stages", "resnet18", "--size", "64", "--rounds", "1"]


def test_an_interrupted_bench_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes = [word for side in (1, 2, 3, 4) for word in ("--shape", f"1x16x5x{side}")]
    command = ["bench", "--block", "se", *shapes, "--rounds", "1", "--out", str(tmp_path)]
    real, measured = bench_case, list[Any]()

    def interrupted(case: Case, *rest: Any) -> dict[str, Any]:
        measured.append(case.shape[3])
        if len(measured) == 3:
            raise KeyboardInterrupt
        return real(case, *rest)

    monkeypatch.setattr(bench_rows, "bench_case", interrupted)
    assert main(command) == 130
    lines = (tmp_path / "bench.jsonl").read_text().splitlines()
    found = [json.loads(line)["row"]["shape"] for line in lines]
    assert found == ["1x16x5x1", "1x16x5x2"]
    assert not (tmp_path / "bench.md").exists()
    assert main(command) == 0
    assert measured[3:] == [3, 4]
    assert main(command) == 0
    assert len(measured) == 5
    assert (tmp_path / "bench.md").exists()


@pytest.mark.slow
def test_a_page_shows_every_stage_and_says_what_was_not_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = ["--block", FAILS, "--block", "se"]
    assert main(["bench", *blocks, *STAGES, "--size", "32x96", "--out", str(tmp_path)]) == 1
    page = (tmp_path / "bench.md").read_text()
    for size in ("64x64", "32x96"):
        table = page.split(f"## Images of {size}")[1].split("##")[0].splitlines()
        rows = [line.split("|")[1].strip() for line in table if line.startswith("| ")]
        assert rows == ["Block", "SE", FAILS]
        assert (tmp_path / f"bench-{size}.svg").exists()
    assert "64 at 8x24: forward (ms)" in page
    reason = "(direct and fast): a step: RuntimeError: no gradient today."
    assert page.count(reason) == 8
    assert "1 CPU thread" in page
    assert "load average" in page
    csv = (tmp_path / "bench.csv").read_text().splitlines()
    assert len(csv) == 1 + 2 * 8
    assert sum("no gradient today" in line for line in csv) == 8


def test_every_block_is_measured_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[Case]()

    def note(cases: list[Case], *rest: Any) -> None:
        asked.extend(cases)
        raise KeyboardInterrupt

    monkeypatch.setattr(bench_rows, "block_rows", note)
    assert main(["bench"]) == 130
    blocks = [name for name in BLOCKS if name != "none"]
    assert asked == stage_cases(blocks, "resnet50", [(512, 512)], ["float32"])


def test_an_input_that_fills_the_memory_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shape = "1x1024x65536x65536"
    assert main(["bench", "--block", "se", "--shape", shape, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"the input of se at {shape}, float32 needs about 87,960.9 GB" in error


def test_a_size_of_images_does_not_fit_a_given_shape(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "--shape", "1x16x5x7", "--size", "64"]) == 2
    assert "--size is that of an image" in capsys.readouterr().err


@pytest.mark.slow
def test_a_model_is_measured_bare_and_with_every_block_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = [
        "--model",
        "fpn",
        "--encoder",
        "tu-test_resnet",
        "--size",
        "32",
        "--rounds",
        "1",
    ]
    blocks = ["--block", FAILS, "--block", "se", "--placement", "stages"]
    command = ["bench-model", *network, *blocks, "--rounds", "1", "--out", str(tmp_path)]
    assert main(command) == 1
    page = (tmp_path / "bench-model.md").read_text()
    cells = [line.split("|") for line in page.splitlines() if line.startswith("| ")]
    own = FAILS
    expected = [("Baseline", "direct"), ("SE", "direct"), ("SE", "fast")]
    expected += [(own, "direct"), (own, "fast")]
    assert [(row[1].strip(), row[2].strip()) for row in cells[1:]] == expected
    [baseline, *_, failed] = cells[1:]
    assert float(baseline[7]) == float(baseline[10]) == float(baseline[12]) == 1
    assert float(failed[5].replace(",", "")) > 0
    assert failed[8].strip() == "–"
    assert page.count("a step: RuntimeError: no gradient today") == 2
