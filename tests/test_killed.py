"""Kill a sweep wherever: no finished record is lost and nothing is run twice."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ablations.records import RunRecord, read_records
from ablations.sweep_file import load_study
from sweeps.coverage import missing

pytestmark = pytest.mark.slow

RUNNER_KILLS = 10
WORKER_KILLS = 10
NUMBERS = itertools.count()
STUDY = """
method: grid
parameters:
  block: {values: [none, se_r4]}
  placement: {value: last_feature}
  model: {value: fpn}
  image_size: {value: 32}
  train_images: {value: 16}
  val_images: {value: 8}
  batch_size: {value: 4}
  max_steps: {value: 40}
  seed: {values: [0, 1, 2]}
"""


@pytest.fixture
def sweep_file(tmp_path: Path) -> Path:
    path = tmp_path / "killed.yaml"
    path.write_text(STUDY)
    return path


class Sweep:
    """`ablate sweep` as a process group of its own; what it prints goes to a file."""

    def __init__(self, sweep_file: Path, *options: str) -> None:
        self.log = sweep_file.with_name(f"{next(NUMBERS)}.log")
        command = [sys.executable, "-m", "ablations", "sweep", str(sweep_file)]
        command += ["--runs", str(sweep_file.parent), "--accelerator", "cpu", *options]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, start_new_session=True, stdout=log, stderr=subprocess.STDOUT
            )

    def end(self, seconds: float = 900) -> str:
        """What it printed."""
        self.process.wait(seconds)
        return self.log.read_text()

    def workers(self) -> list[int]:
        """The process ids of its workers, in no order."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if is_worker(child)]


def is_worker(pid: str) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # gone
        return False


def written(folder: Path) -> dict[Path, int]:
    """When each record was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("record.json")}


def check(folder: Path, before: dict[Path, int]) -> dict[Path, int]:
    """Every record is whole, and those from before were not written again."""
    now = written(folder)
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
        time.sleep(chance.uniform(2, 11))
        if number % 2:  # runner and workers at once
            os.killpg(sweep.process.pid, signal.SIGKILL)
        else:  # the runner alone; its worker finishes the run it is at
            sweep.process.kill()
        sweep.end()
        before = check(folder, before)
    sweep = Sweep(sweep_file)
    assert "0 failed, 0 waiting" in sweep.end()
    assert missing(load_study(sweep_file), folder) == []
    assert len(check(folder, before)) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers in /proc")
def test_a_killed_worker_is_a_crash_that_is_tried_again(sweep_file: Path) -> None:
    chance = random.Random(0)
    folder = sweep_file.parent / "killed"
    sweep = Sweep(sweep_file, "--jobs", "2", "--retries", "99")
    before: dict[Path, int] = {}
    for _ in range(WORKER_KILLS):
        time.sleep(chance.uniform(1, 8))
        if sweep.process.poll() is None and (workers := sweep.workers()):
            os.kill(chance.choice(workers), signal.SIGKILL)
        before = check(folder, before)
    shown = sweep.end()
    assert "6 finished, 0 had a record, 0 failed, 0 waiting" in shown
    assert len(check(folder, before)) == 6
    tries = [reason for record in read_records(folder) for reason in record.failures]
    assert set(tries) == {"the process was killed by SIGKILL"}
    assert len(tries) == shown.count("will be tried again")
    assert f"{len(tries)} further tries" in shown


def test_two_runners_share_the_cells(sweep_file: Path) -> None:
    both = [Sweep(sweep_file), Sweep(sweep_file)]
    shown = [sweep.end() for sweep in both]
    assert [sweep.process.returncode for sweep in both] == [0, 0], shown
    finished = [int(text.split("killed: ")[1].split()[0]) for text in shown]
    assert sum(finished) == 6
    assert min(finished) > 0


def test_one_interrupt_finishes_the_running_cell_and_two_stop_it(sweep_file: Path) -> None:
    folder = sweep_file.parent / "killed"
    sweep = Sweep(sweep_file)
    wait_for(folder, 1)
    sweep.process.send_signal(signal.SIGINT)
    assert "1 finished, 0 had a record, 0 failed, 5 waiting" in sweep.end()
    assert sweep.process.returncode == 1

    sweep = Sweep(sweep_file)
    wait_for(folder, 2)
    sweep.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    sweep.process.send_signal(signal.SIGINT)
    assert "0 finished, 1 had a record, 0 failed, 5 waiting" in sweep.end()


def wait_for(folder: Path, begun: int, seconds: float = 600) -> None:
    """Until so many runs have begun."""
    deadline = time.monotonic() + seconds
    while len(list(folder.glob("*/log.txt"))) < begun:
        assert time.monotonic() < deadline
        time.sleep(0.1)
