"""Ctrl-C, SIGTERM: a training in a separate process receives real signals."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ablations.records import RunRecord
from lightning_modules.interrupts import Interrupted, Interrupts

TRAIN = """
--model fpn --placement last_feature --block se --image-size 32 --train-images 8
--val-images 4 --batch-size 4 --accelerator cpu --val-every 2
"""
ACKNOWLEDGED = "ablate: finishing the current step; interrupt again to stop at once\n"


class Training:
    """`ablate train` without a terminal; its output shows its state."""

    def __init__(self, folder: Path, steps: int, *options: str) -> None:
        command = [sys.executable, "-m", "ablations", "train", *TRAIN.split()]
        folder.mkdir(exist_ok=True)
        command += ["--runs", str(folder), "--max-steps", str(steps), *options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd=folder.parent if "--block" in options else None,
        )

    def wait_for(self, start: str) -> None:
        """Wait until it has printed a line that begins like this."""
        assert self.process.stderr
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if line.startswith(start):
                return
        raise AssertionError("".join(lines))

    def send(self, number: signal.Signals) -> None:
        """Signal all its processes, as a terminal does."""
        os.killpg(self.process.pid, number)

    def end(self) -> tuple[int, str, str]:
        output, errors = self.process.communicate()
        return self.process.returncode, output, errors


@pytest.fixture
def trainings() -> Iterator[list[Training]]:
    """Kills any training that a failed test left behind."""
    processes: list[Training] = []
    yield processes
    for training in processes:
        if training.process.poll() is None:
            os.killpg(training.process.pid, signal.SIGKILL)
        training.process.communicate()


@pytest.mark.parametrize(
    ("number", "code", "workers"),
    [
        (signal.SIGINT, 130, "1"),
        pytest.param(signal.SIGTERM, 143, "0", marks=pytest.mark.slow),
    ],
)
def test_a_training_is_left_after_a_step_with_a_checkpoint(
    number: signal.Signals,
    code: int,
    workers: str,
    trainings: list[Training],
    tmp_path: Path,
) -> None:
    training = Training(tmp_path, 100_000, "--workers", workers)
    trainings.append(training)
    training.wait_for("step ")
    training.send(number)
    returned, output, errors = training.end()
    assert (returned, output) == (code, "")
    assert "ablate: interrupted at step " in errors
    assert errors.endswith("of 100000; run the same command to resume from there\n")
    assert errors.count("ablate: ") == 2
    assert "Traceback" not in errors
    [run] = (tmp_path / "single").iterdir()
    names = {file.name for file in run.iterdir()}
    assert names - {"best.ckpt"} == {"last.ckpt", "lock"}  # it keeps the best weights


def test_a_second_ctrl_c_ends_it_at_once(trainings: list[Training], tmp_path: Path) -> None:
    """Even in a step that never ends."""
    (tmp_path / "endless.py").write_text(ENDLESS)
    block = ["--block", "endless:Endless"]
    training = Training(tmp_path / "runs", 100_000, *block)
    trainings.append(training)
    training.wait_for("endless")
    training.send(signal.SIGINT)
    training.wait_for(ACKNOWLEDGED.strip())
    training.send(signal.SIGINT)
    returned, output, errors = training.end()
    last = (
        "ablate: stopped at once; run the same command to resume from the last checkpoint\n"
    )
    assert (returned, output, errors) == (130, "", last)


ENDLESS = """
import sys, time
from torch import nn

class Endless(nn.Identity):
    def __init__(self, channels):
        super().__init__()
        self.steps = 0
    def forward(self, x):
        self.steps += self.training and x.requires_grad and len(x) == 4
        if self.steps == 3:
            print("endless", file=sys.stderr, flush=True)
            while True:
                time.sleep(0.01)
        return x
"""


def test_a_handler_outside_of_a_step_leaves_at_once_and_is_taken_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match="stopped at once"), Interrupts():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_that_is_ignored_stays_so() -> None:
    """This is how a worker leaves Ctrl-C to the runner."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGINT)
        assert interrupts.times == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_in_the_middle_of_a_print_is_acknowledged(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It bypasses the buffer of the print, which cannot be entered twice."""
    with Interrupts() as interrupts:
        interrupts.training = True
        sys.stderr.write("half a ")
        signal.raise_signal(signal.SIGINT)
    assert ACKNOWLEDGED in capfd.readouterr().err
    assert interrupts.times == 1


@pytest.mark.slow
def test_without_a_terminal_a_training_prints_few_lines(
    trainings: list[Training], tmp_path: Path
) -> None:
    training = Training(tmp_path, 40)
    trainings.append(training)
    code, output, errors = training.end()
    lines = errors.splitlines()
    assert code == 0
    assert 2 <= len(lines) <= 11
    assert lines[-1].startswith("step 40/40  loss ")
    assert output.startswith("mIoU ")
    assert output.count("\n") == 1
    [path] = tmp_path.rglob("record.json")
    result = RunRecord.read(path)
    assert lines[-1].endswith(f"mIoU {100 * result.miou:.1f} %")
    assert result.compute_seconds is not None
    assert result.compute_seconds > 0
