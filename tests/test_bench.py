"""A bench measures what it can, foresees what it cannot, and loses nothing to a kill."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ablations.attention import BLOCKS
from ablations.attention.base import EVALUATIONS, Evaluation
from ablations.benchmark import foresight, timing
from ablations.benchmark.bench import bench_case
from ablations.benchmark.candidates import Candidate, Effort, time_together
from ablations.benchmark.cases import Case, shape_cases, stage_cases
from ablations.benchmark.foresight import foreseen_peak, macs_per_second
from ablations.benchmark.kept_rows import KeptRows, circumstances_of
from ablations.benchmark.memory import peak_memory
from ablations.benchmark.tasks import TASKS
from ablations.blocks import create_attention
from ablations.cli import main
from ablations.models import create_model
from reports import bench_rows
from reports.bench_tables import bench_table, panels, stage_table
from reports.plots import direct_against_fast

CPU = torch.device("cpu")
ONCE = Effort(CPU, threads=1, rounds=1, seconds=60)
C, H, W = 32, 45, 37
NEAR = 0.55, 1.75  # times the measured peak: small blocks are estimated high


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call per round: the figures themselves do not matter here."""
    monkeypatch.setattr(timing, "SECONDS_PER_ROUND", 1e-6)


class Fails(nn.Module):
    """Its backward pass raises."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            x.register_hook(refuse)  # type: ignore[no-untyped-call]
        return x * 2


def refuse(gradient: Tensor) -> Tensor:
    raise RuntimeError("no gradient today")


class Slow(nn.Module):
    """It takes a fifth of a second."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        Slow.calls += 1
        time.sleep(0.2)
        return x + 1


class NeedsValues(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * float(x.sum())


def compare_peaks(block: str, evaluation: Evaluation) -> None:
    module, x = create_attention(block, C, evaluation).eval(), torch.randn(1, C, H, W)
    low, high = NEAR
    for task in TASKS.values():
        measured = peak_memory(task.make(module, x), CPU)
        foreseen = foreseen_peak(task.make, module, x)
        assert foreseen is not None
        assert low * measured < foreseen < high * measured, task.words


@pytest.mark.parametrize("evaluation", EVALUATIONS)
@pytest.mark.parametrize("block", ["non_local", "psa_parallel", "se"])
def test_the_memory_of_a_block_is_foreseen(block: str, evaluation: Evaluation) -> None:
    compare_peaks(block, evaluation)


@pytest.mark.slow
@pytest.mark.parametrize("evaluation", EVALUATIONS)
@pytest.mark.parametrize("block", [name for name in BLOCKS if name != "none"])
def test_the_memory_of_every_block_is_foreseen(block: str, evaluation: Evaluation) -> None:
    compare_peaks(block, evaluation)


def test_an_estimate_knows_the_scores_of_all_pairs_of_positions() -> None:
    """A map far too large to run; direct needs two N x N matrices, fast needs none."""
    positions, module = 512 * 256, create_attention("non_local", 256, "direct")
    x = torch.empty(1, 256, 512, 256, device="cpu")
    direct = foreseen_peak(TASKS["forward"].make, module, x)
    fast = foreseen_peak(
        TASKS["forward"].make, create_attention("non_local", 256, "fast"), x
    )
    assert direct is not None
    assert fast is not None
    assert 2 * 4 * positions**2 < direct < 2.1 * 4 * positions**2
    assert fast < 10 * x.nbytes


def test_an_estimate_of_a_model_changes_nothing_in_it() -> None:
    module = create_model("fpn", "tu-test_resnet", 3, "se", "stages").train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    images, make = torch.randn(2, 3, 64, 96), TASKS["step"].make
    foreseen = foreseen_peak(make, module, images)
    assert all(
        torch.equal(value, before[name]) for name, value in module.state_dict().items()
    )
    measured = peak_memory(make(module, images), CPU)
    assert foreseen == pytest.approx(measured, rel=0.1)


def test_the_memory_of_a_module_that_needs_values_is_unknown(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert (
        foreseen_peak(TASKS["forward"].make, NeedsValues(), torch.randn(1, 2, 3, 5)) is None
    )
    assert capfd.readouterr().err == ""


def test_an_evaluation_that_needs_too_much_memory_is_left_out_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = 4 * (H * W) ** 2
    monkeypatch.setattr(foresight, "free_memory", lambda device: scores)
    row = bench_case(Case("non_local", (1, C, H, W), "float32"), ONCE)
    needed = f"a forward pass needs about {2 * scores / 1e9:.1f} GB of memory"
    assert row["direct_problem"].startswith(needed)
    assert "direct_forward" not in row
    assert row["fast_problem"] == ""
    assert row["fast_forward"] > 0
    assert row["fast_peak"] < scores


def test_a_call_that_takes_too_long_is_made_once() -> None:
    Slow.calls = 0
    slow, quick = Candidate("slow", Slow()), Candidate("quick", nn.ReLU())
    limits = ONCE._replace(rounds=3, seconds=0.05)
    x = torch.randn(1, 2, 3, 5)
    Slow.calls = -1  # the estimate of its memory is a call too
    time_together([slow, quick], "forward", x, limits)
    assert slow.problem == "a forward pass took more than the 0.05 s of one call"
    assert Slow.calls == 1
    assert quick.problem == ""
    assert quick.figures["forward"] > 0


@pytest.mark.parametrize(("name", "passes"), [("forward", 1), ("step", 3)])
def test_a_call_that_would_take_too_long_is_never_made(name: str, passes: int) -> None:
    rate = macs_per_second(CPU, torch.float32, 1)
    Slow.calls = -1
    slow = Candidate("slow", Slow(), macs=round(7 * rate))
    time_together([slow], name, torch.randn(1, 2, 3, 5), ONCE._replace(seconds=6))
    expected = (
        f"{TASKS[name].words} would take at least {7 * passes} s; one call may take 6 s"
    )
    assert (slow.problem, Slow.calls) == (expected, 0)


def test_what_was_measured_before_an_error_stays() -> None:
    row = bench_case(Case(f"{__name__}:Fails", (1, C, 5, 7), "float32"), ONCE)
    assert row["direct_problem"] == "a step: RuntimeError: no gradient today"
    assert row["direct_forward"] > 0
    assert "direct_step" not in row
    assert "direct_peak" not in row


@pytest.mark.slow
def test_a_compiler_that_fails_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(module: nn.Module, dynamic: bool) -> nn.Module:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", fail)
    row = bench_case(Case("se", (1, C, 5, 7), "float32"), ONCE, compiled=True)
    assert row["compiled_problem"] == "a forward pass: RuntimeError: no compiler"
    assert row["direct_step"] > 0


def test_the_stages_of_a_resnet_50_are_those_of_its_paper() -> None:
    cases = stage_cases(["se", "gc"], "resnet50", [(512, 512), (1024, 2048)], ["float32"])
    assert [case.block for case in cases] == 2 * [*4 * ["se"], *4 * ["gc"]]
    shapes = [case.shape for case in cases if case.block == "se"]
    assert shapes == [
        *((1, 256, 128, 128), (1, 512, 64, 64), (1, 1024, 32, 32), (1, 2048, 16, 16)),
        *((1, 256, 256, 512), (1, 512, 128, 256), (1, 1024, 64, 128), (1, 2048, 32, 64)),
    ]
    assert [case.stage for case in cases[:4]] == [2, 3, 4, 5]
    assert {case.image for case in cases} == {"512x512", "1024x2048"}


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
    blocks = ["--block", f"{__name__}:Fails", "--block", "se"]
    assert main(["bench", *blocks, *STAGES, "--size", "32x96", "--out", str(tmp_path)]) == 1
    page = (tmp_path / "bench.md").read_text()
    for size in ("64x64", "32x96"):
        table = page.split(f"## Images of {size}")[1].split("##")[0].splitlines()
        rows = [line.split("|")[1].strip() for line in table if line.startswith("| ")]
        assert rows == ["Block", "SE", f"{__name__}:Fails"]
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
def test_a_model_is_measured_bare_once_and_with_every_block_named(
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
    blocks = ["--block", f"{__name__}:Fails", "--block", "se", "--placement", "stages"]
    command = ["bench-model", *network, *blocks, "--rounds", "1", "--out", str(tmp_path)]
    assert main(command) == 1
    page = (tmp_path / "bench-model.md").read_text()
    cells = [line.split("|") for line in page.splitlines() if line.startswith("| ")]
    own = f"{__name__}:Fails"
    expected = [("Baseline", "direct"), ("SE", "direct"), ("SE", "fast")]
    expected += [(own, "direct"), (own, "fast")]
    assert [(row[1].strip(), row[2].strip()) for row in cells[1:]] == expected
    [baseline, *_, failed] = cells[1:]
    assert float(baseline[7]) == float(baseline[10]) == float(baseline[12]) == 1
    assert float(failed[5].replace(",", "")) > 0
    assert failed[8].strip() == "–"
    assert page.count("a step: RuntimeError: no gradient today") == 2


def test_numbers_of_stages_are_those_of_their_cases() -> None:
    cases = stage_cases(["gc", "se"], "resnet18", [(64, 64)], ["float32"])
    rows = [
        {"block": case.block, "stage": case.stage, "direct_step": 6.0 * number, **FAST}
        for number, case in enumerate(cases, start=1)
    ]
    table = stage_table(bench_table(rows))
    assert table["block"].tolist() == ["se", "gc"]
    ratios = [table[f"{stage}_step_ratio"].tolist() for stage in (2, 3, 4, 5)]
    assert ratios == [[10, 2], [12, 4], [14, 6], [16, 8]]
    assert table["2_compiled_step"].isna().all()


FAST = {"fast_step": 3.0, "fast_forward": 1.0, "bytes": 12}


def test_a_picture_has_a_panel_for_each_of_at_most_four_shapes() -> None:
    shapes = [(1, 16, 5, side) for side in range(1, 8)]
    cases = shape_cases(["se", "gc", "simam"], shapes, ["float32"])
    rows = [
        {"block": case.block, "shape": str(case.shape), "dtype": case.dtype, **FAST}
        for case in cases
    ]
    chosen = list(panels(bench_table(rows)))
    assert [len(rows) for rows in chosen] == [12, 9]
    figure = direct_against_fast(chosen[1])
    assert len(figure.axes) == 2 * 3
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["SimAM", "GC", "SE"]
    [dot] = list(figure.axes[3].collections)[:1]
    assert np.asarray(dot.get_offsets()).tolist() == [[3000, 2]]  # ms, the uppermost line
