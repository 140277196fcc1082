"""Kill a sweep at any point: no finished record is lost and nothing runs twice."""

import itertools
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ablations.records import RunRecord
from ablations.run_folder import read_failures, read_records
from sweeps.study.coverage import missing
from sweeps.study.sweep_file import load_study
from tests.states import PATIENCE, wait_until

pytestmark = pytest.mark.slow

RUNNER_KILLS = 10
WORKER_KILLS = 10
NUMBERS = itertools.count()
STUDY = """
method: grid
parameters:
  block: {values: ["counts:Counts", "counts:AlsoCounts"]}
  placement: {value: last_feature}
  model: {value: fpn}
  image_size: {value: 32}
  train_images: {value: 16}
  val_images: {value: 8}
  batch_size: {value: 4}
  max_steps: {value: 40}
  seed: {values: [0, 1, 2]}
"""

COUNTS = """
from pathlib import Path
from torch import nn

class Counts(nn.Identity):
    def __init__(self, channels):
        super().__init__()
    def forward(self, x):
        if self.training:
            with open("steps", "a") as steps:
                steps.write("x")
            while Path("held").exists() and len(list(Path("killed").glob("*/log.txt"))) < 2:
                pass  # until a second run has begun
        return x

class AlsoCounts(Counts):
    pass
"""


@pytest.fixture
def sweep_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep file in the working folder, where the source of its blocks is found."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "counts.py").write_text(COUNTS)
    path = tmp_path / "killed.yaml"
    path.write_text(STUDY)
    return path


class Sweep:
    """`ablate sweep` in its own process group; its output goes to a file."""

    def __init__(self, sweep_file: Path, *options: str) -> None:
        self.log = sweep_file.with_name(f"{next(NUMBERS)}.log")
        command = [sys.executable, "-m", "ablations", "sweep", str(sweep_file)]
        command += ["--runs", str(sweep_file.parent), "--accelerator", "cpu", *options]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=sweep_file.parent,
                start_new_session=True,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def end(self) -> str:
        """Wait for its end and return its output."""
        self.process.wait(PATIENCE)
        return self.log.read_text()

    def after(self, steps: int, folder: Path) -> None:
        """Wait until it has trained that many more steps, or has ended."""
        before = steps_done(folder)
        wait_until(
            lambda: steps_done(folder) >= before + steps or self.process.poll() is not None
        )

    def workers(self) -> list[int]:
        """The process ids of its workers, in any order."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if is_worker(child)]


def is_worker(pid: str) -> bool:
    try:
        return b"sweeps.local.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # gone
        return False


def steps_done(folder: Path) -> int:
    steps = folder / "steps"
    return len(steps.read_text()) if steps.exists() else 0


def write_times(folder: Path) -> dict[Path, int]:
    """The time at which each record was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("record.json")}


def check(folder: Path, before: dict[Path, int]) -> dict[Path, int]:
    """Every record is whole, and earlier ones were not rewritten."""
    now = write_times(folder)
    assert {path: now[path] for path in before} == before
    for path in now:
        RunRecord.read(path)
    return now


def test_a_killed_runner_loses_nothing(sweep_file: Path) -> None:
    chance = random.Random(0)
    folder = sweep_file.parent / "killed"
    before: dict[Path, int] = {}
    for number in range(RUNNER_KILLS):
        sweep = Sweep(sweep_file)
        sweep.after(chance.randrange(30), sweep_file.parent)
        if number % 2:  # runner and workers at once
            os.killpg(sweep.process.pid, signal.SIGKILL)
        else:  # only the runner; its worker finishes its current run
            sweep.process.kill()
        sweep.end()
        before = check(folder, before)
    sweep = Sweep(sweep_file)
    assert "0 failed, 0 waiting" in sweep.end()
    assert missing(load_study(sweep_file), folder) == []
    assert len(check(folder, before)) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers in /proc")
def test_a_killed_worker_is_a_crash_that_is_retried(sweep_file: Path) -> None:
    chance = random.Random(0)
    folder = sweep_file.parent / "killed"
    sweep = Sweep(sweep_file, "--jobs", "2", "--retries", "99")
    before: dict[Path, int] = {}
    for _ in range(WORKER_KILLS):
        sweep.after(chance.randrange(1, 30), sweep_file.parent)
        if sweep.process.poll() is None and (workers := sweep.workers()):
            os.kill(chance.choice(workers), signal.SIGKILL)
        before = check(folder, before)
    output = sweep.end()
    assert "6 finished, 0 had a record, 0 failed, 0 waiting" in output
    assert len(check(folder, before)) == 6
    reasons = [reason for record in read_records(folder) for reason in record.failures]
    assert set(reasons) == {"the process was killed by SIGKILL"}
    assert len(reasons) == output.count("will be retried")
    assert f"{len(reasons)} further attempts" in output


def test_two_runners_share_the_cells(sweep_file: Path) -> None:
    sweep_file.with_name(
        "held"
    ).touch()  # neither ends a run before the other has begun one
    both = [Sweep(sweep_file), Sweep(sweep_file)]
    outputs = [sweep.end() for sweep in both]
    assert [sweep.process.returncode for sweep in both] == [0, 0], outputs
    finished = [int(text.split("killed: ")[1].split()[0]) for text in outputs]
    assert sum(finished) == 6
    assert min(finished) > 0


def test_one_interrupt_finishes_the_running_cell_and_two_stop_it(sweep_file: Path) -> None:
    folder = sweep_file.parent / "killed"
    sweep = Sweep(sweep_file)
    wait_until(lambda: count_begun(folder) == 1)
    sweep.process.send_signal(signal.SIGINT)
    assert "1 finished, 0 had a record, 0 failed, 5 waiting" in sweep.end()
    assert sweep.process.returncode == 1

    sweep = Sweep(sweep_file)
    wait_until(lambda: count_begun(folder) == 2)
    sweep.process.send_signal(signal.SIGINT)
    wait_until(lambda: "interrupted: " in sweep.log.read_text())
    sweep.process.send_signal(signal.SIGINT)
    assert "0 finished, 1 had a record, 0 failed, 5 waiting" in sweep.end()


def count_begun(folder: Path) -> int:
    """The number of runs that have begun."""
    return len(list(folder.glob("*/log.txt")))


ENDS_WHEN_TOLD = """
import os, pathlib, time
from torch import nn

class Ends(nn.Identity):
    def __init__(self, channels):
        super().__init__()
    def forward(self, x):
        pathlib.Path("waits").write_text(str(os.getpid()))
        while not pathlib.Path("go").exists():
            time.sleep(0.01)
        os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_a_run_that_dies_while_the_runner_is_stopped_has_failed_once(
    sweep_file: Path,
) -> None:
    sweep_file.with_name("ends.py").write_text(ENDS_WHEN_TOLD)
    sweep_file.write_text(STUDY.replace("counts:AlsoCounts", "ends:Ends"))
    sweep = Sweep(sweep_file, "--timeout", "1000")
    waits, go = sweep_file.with_name("waits"), sweep_file.with_name("go")
    wait_until(lambda: waits.exists() and waits.read_text())
    sweep.process.send_signal(signal.SIGSTOP)
    go.touch()
    wait_until(lambda: is_zombie(waits.read_text()))
    sweep.process.send_signal(signal.SIGCONT)
    output = sweep.end()
    assert "3 finished, 0 had a record, 3 failed, 0 waiting" in output
    assert output.count("the process exited with code 0") == 6  # in its turn and at the end
    assert "Traceback" not in output
    failed = list(read_failures(sweep_file.parent))
    assert [len(failure.reasons) for failure in failed] == [1, 1, 1]


def is_zombie(pid: str) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
