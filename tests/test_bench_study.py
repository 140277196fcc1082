"""Every distinct network of a study is timed in turn; one that fails stops no other."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ablations.benchmark import networks, timing
from ablations.benchmark.networks import Subject, measure_networks, pieces
from ablations.benchmark.timing import Function, cuda_seconds, interleaved
from ablations.cli import main
from ablations.errors import InputError
from ablations.run_config import RunConfig
from ablations.timings import StudyTimings, TimedNetwork, read_timings
from sweeps.bench import bench_study, build, timed_networks

CPU = torch.device("cpu")
SIZE, BATCH, CLASSES, ROUNDS = 17, 3, 5, 3


def network(block: str, **keys: Any) -> TimedNetwork:
    sizes = {"image_size": SIZE, "batch_size": BATCH}
    return TimedNetwork(RunConfig(block=block, **(sizes | keys)), CLASSES)


class Tiny(nn.Module):
    """A network that writes down how it was called."""

    def __init__(self, name: str, calls: list[tuple[Any, ...]]) -> None:
        super().__init__()
        self.name, self.calls = name, calls
        self.convolution = nn.Conv2d(3, CLASSES, 1)
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        grad = torch.is_grad_enabled()
        self.calls.append((self.name, len(images), self.training, grad))
        logits: Tensor = self.convolution(images) * self.frozen
        return logits


class FakeClock:
    """Seconds that a test decides; it calls a function once, whatever the number."""

    def __init__(self, seconds: Iterator[float]) -> None:
        self.seconds = seconds
        self.calls: list[int] = []

    def __call__(self, function: Function, calls: int) -> float:
        function()
        self.calls.append(calls)
        return next(self.seconds)


def measured(
    names: list[str], clock: FakeClock, build: Any = None
) -> tuple[list[Subject], list[tuple[Any, ...]], int]:
    """The subjects, the calls of their networks, and how often there was progress."""
    calls: list[tuple[Any, ...]] = []
    subjects = [Subject(network(name)) for name in names]
    make = build or (lambda one: Tiny(one.config.block, calls))
    progress = list(measure_networks(subjects, make, CPU, clock, ROUNDS))
    return subjects, calls, len(progress)


def repeated(seconds: float) -> Iterator[float]:
    while True:
        yield seconds


def test_figures_are_medians_and_quartiles_of_the_rounds() -> None:
    # one network: two calls that decide how many there are per round, then the rounds
    latency, batch, step = [0.01, 0.01, 3, 1, 2], [0.2, 0.1, 5, 5, 5], [9, 8, 40, 10, 20]
    clock = FakeClock(iter([*latency, *batch, *step]))
    [subject], _, _ = measured(["se"], clock)
    timing = subject.timing(ROUNDS)
    assert timing.latency is not None
    assert timing.latency.model_dump() == {"lower": 1.5, "median": 2, "upper": 2.5}
    assert timing.batch is not None
    assert timing.batch.median == 5
    assert timing.step is not None
    assert timing.step.median == 20
    per_round = [5, 1, 1]  # 0.05 s / 0.01 s; slower calls are timed one by one
    assert clock.calls == [
        number for calls in per_round for number in (1, 1, *[calls] * ROUNDS)
    ]


def test_networks_take_turns_in_every_round() -> None:
    names = ["none", "se", "gc"]
    _, calls, progress = measured(names, FakeClock(repeated(1)))
    assert progress == pieces(len(names), ROUNDS)
    for number, training in ((1, False), (BATCH, False), (BATCH, True)):
        order = [call[0] for call in calls if call[1:3] == (number, training)]
        warm = [name for name in names for _ in range(3)]
        memory = [name for name in names for _ in range(2)] if training else []
        assert order == [*warm, *names * ROUNDS, *memory]


def test_a_step_is_in_training_mode_and_inference_has_no_gradients() -> None:
    _, calls, _ = measured(["se"], FakeClock(repeated(1)))
    assert {call[1:] for call in calls} == {
        (1, False, False),
        (BATCH, False, False),
        (BATCH, True, True),
    }


def test_peak_memory_is_that_of_a_step() -> None:
    """At least the logits and their gradient, in float32."""
    [subject], _, _ = measured(["se"], FakeClock(repeated(1)))
    assert subject.peak is not None
    logits = 4 * BATCH * CLASSES * SIZE * SIZE
    assert 2 * logits < subject.peak < 20 * logits


class Failing(Tiny):
    """Runs out of memory in a mode."""

    def __init__(self, training: bool) -> None:
        super().__init__("failing", [])
        self.fails = training

    def forward(self, images: Tensor) -> Tensor:
        if self.training == self.fails:
            raise torch.OutOfMemoryError("no memory\nfor this")
        return super().forward(images)


@pytest.mark.parametrize(
    ("training", "problem", "figures"),
    [
        (False, "one image: OutOfMemoryError: no memory", []),
        (True, "a training step: OutOfMemoryError: no memory", ["latency", "batch"]),
    ],
)
def test_a_network_that_fails_keeps_its_reason_and_stops_no_other(
    training: bool, problem: str, figures: list[str]
) -> None:
    def make(one: TimedNetwork) -> nn.Module:
        return Failing(training) if one.config.block == "se" else Tiny("", [])

    subjects, _, _ = measured(["none", "se", "gc"], FakeClock(repeated(1)), make)
    first, failed, last = [subject.timing(ROUNDS) for subject in subjects]
    assert first.problem == last.problem == ""
    assert failed.problem == problem
    for name in ("latency", "batch", "step", "peak"):
        assert getattr(last, name) is not None
        assert (getattr(failed, name) is not None) == (name in figures)
    assert subjects[1].module is None  # its weights are freed


def test_a_network_that_fails_after_some_rounds_has_no_median() -> None:
    class Tired(Tiny):
        def forward(self, images: Tensor) -> Tensor:
            if len(self.calls) == 5:  # three to begin with, then the second round's end
                raise RuntimeError("tired")
            return super().forward(images)

    [subject], _, _ = measured(["se"], FakeClock(repeated(1)), lambda _: Tired("", []))
    assert subject.seconds == {"latency": [1, 1]}
    assert subject.timing(ROUNDS).latency is None
    assert subject.problem == "one image: RuntimeError: tired"


def test_a_network_that_cannot_be_built_is_no_obstacle() -> None:
    def make(one: TimedNetwork) -> nn.Module:
        if one.config.block == "se":
            raise InputError("se does not fit")
        return Tiny("", [])

    subjects, _, _ = measured(["se", "none"], FakeClock(repeated(1)), make)
    assert [subject.problem for subject in subjects] == ["building: se does not fit", ""]


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no alarms here")
def test_a_network_that_is_too_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "SLOWEST", 0.1)

    class Slow(Tiny):
        def forward(self, images: Tensor) -> Tensor:
            time.sleep(5)
            return images

    [subject], _, _ = measured(["se"], FakeClock(repeated(1)), lambda _: Slow("", []))
    assert subject.problem.startswith("one image: one call took more than 0.1 s")


def test_ctrl_c_is_no_problem_of_a_network() -> None:
    def make(one: TimedNetwork) -> nn.Module:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(["se"], FakeClock(repeated(1)), make)


@pytest.mark.parametrize(
    ("precision", "kind"), [("32-true", torch.float32), ("bf16-mixed", torch.bfloat16)]
)
def test_the_precision_is_that_of_the_run(precision: str, kind: torch.dtype) -> None:
    kinds = set()

    class Typed(Tiny):
        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.convolution(images)
            kinds.add(logits.dtype)
            return logits

    subject, clock = Subject(network("se", precision=precision)), FakeClock(repeated(1))
    for _ in measure_networks([subject], lambda _: Typed("", []), CPU, clock, ROUNDS):
        pass
    assert subject.problem == ""
    assert kinds == {kind}


class FakeEvent:
    """Of a device whose clock advances by 40 ms with each call of a function."""

    now = 0.0

    def __init__(self, enable_timing: bool) -> None:
        self.time = 0.0

    def record(self) -> None:
        self.time = FakeEvent.now

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, end: "FakeEvent") -> float:
        return end.time - self.time


def test_on_a_gpu_the_time_is_that_between_its_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = SimpleNamespace(Event=FakeEvent, synchronize=lambda: None)
    monkeypatch.setattr(torch, "cuda", fake)

    def function() -> None:
        FakeEvent.now += 40

    assert cuda_seconds(function, 5) == pytest.approx(0.04)
    assert FakeEvent.now == 6 * 40  # the first call is a warm-up


def test_functions_alone_are_timed_in_turn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.1, 0.1, 0.1, 0.1, 1, 20, 3, 40, 2, 30])
    monkeypatch.setattr(timing, "timer_seconds", lambda *arguments: next(seconds))
    latencies = interleaved({"a": int, "b": int}, rounds=3)
    assert [latency.median for latency in latencies.values()] == [2, 30]


SMALL: dict[str, Any] = {
    "model": "fpn", "encoder": "tu-test_resnet", "placement": "last_feature",
    "image_size": 32, "batch_size": 2, "train_images": 4, "val_images": 2,
}  # fmt: skip


def test_a_network_is_timed_once_whatever_its_runs() -> None:
    configs = [
        RunConfig(block=block, seed=seed, lr=lr, **SMALL)
        for block in ("none", "se")
        for seed in (0, 1)
        for lr in (0.1, 0.2)
    ]
    timed = timed_networks(configs)
    assert [one.config.block for one in timed] == ["none", "se"]
    assert {one.classes for one in timed} == {11}  # background and ten digits


def test_a_network_is_that_of_a_training() -> None:
    config = RunConfig(block="se", **SMALL)
    [one] = timed_networks([config])
    module = build("cpu", one)
    assert module(torch.randn(2, 3, 32, 32)).shape == (2, 11, 32, 32)
    assert any("squeeze" in type(part).__name__.lower() for part in module.modules())


def test_an_unknown_name_stops_the_measurement_before_it_starts() -> None:
    with pytest.raises(InputError, match="did you mean 'se'"):
        bench_study([RunConfig(block="sse", **SMALL)], CPU, 1, 1)


def write_study(folder: Path, **parameters: Any) -> Path:
    """A sweep file of SMALL; JSON is YAML."""
    values = {key: {"value": value} for key, value in SMALL.items()} | parameters
    path = folder / "small.yaml"
    content = {"name": "small", "method": "grid", "parameters": values}
    path.write_text(str(content).replace("'", '"'))
    return path


def test_the_verb_measures_a_study_and_keeps_the_figures_beside_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(timing, "SECONDS_PER_ROUND", 1e-9)
    study = write_study(tmp_path, block={"values": ["none", "se"]}, seed={"values": [0, 1]})
    command = ["bench-study", str(study), "--runs", str(tmp_path / "runs"), "--rounds", "2"]
    assert main([*command, "--device", "cpu"]) == 0
    printed = capsys.readouterr()
    assert "| Baseline " in printed.out
    assert "2 networks: " in printed.out
    assert printed.err == ""
    [timings] = read_timings(tmp_path / "runs" / "small")
    assert isinstance(timings, StudyTimings)
    assert (timings.rounds, timings.threads) == (2, 1)
    assert [one.config.block for one in timings.networks] == ["none", "se"]
    assert not any(one.problem for one in timings.networks)


def test_the_exit_code_says_that_a_network_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(timing, "SECONDS_PER_ROUND", 1e-9)
    study = write_study(tmp_path, precision={"value": "16-mixed"})
    command = ["bench-study", str(study), "--runs", str(tmp_path / "runs"), "--rounds", "1"]
    assert main([*command, "--device", "cpu"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "building: precision = '16-mixed': not supported on CPU" in printed


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").write_text("")
    command = ["bench-study", str(write_study(tmp_path)), "--runs", str(tmp_path / "runs")]
    assert main(command) == 2
    assert "cannot be written" in capsys.readouterr().err
