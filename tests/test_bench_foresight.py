"""A bench foresees what cannot be measured: memory, and calls that take too long."""

import time

import pytest
import torch
from torch import Tensor, nn

from ablations import memory
from ablations.attention import BLOCKS
from ablations.attention.base import EVALUATIONS, Evaluation
from ablations.benchmark import timing
from ablations.benchmark.bench import bench_case
from ablations.benchmark.candidates import Candidate, Effort, time_together
from ablations.benchmark.cases import Case, stage_cases
from ablations.benchmark.foresight import macs_per_second
from ablations.benchmark.memory import peak_memory
from ablations.benchmark.tasks import TASKS
from ablations.blocks import create_attention
from ablations.memory import foreseen_peak
from ablations.models import create_model

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
    monkeypatch.setattr(memory, "free_memory", lambda device: scores)
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
