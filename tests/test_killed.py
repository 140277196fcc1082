"""Kill a sweep wherever: no finished record is lost and nothing is run twice."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ablations.records import RunRecord, read_records, run_folder
from ablations.sweep_file import load_study
from sweeps.coverage import missing

pytestmark = pytest.mark.slow

KILLS = 12
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


def start(sweep_file: Path, *options: str) -> "subprocess.Popen[str]":
    """A sweep in a process group of its own."""
    command = [sys.executable, "-m", "ablations", "sweep", str(sweep_file)]
    return subprocess.Popen(
        [*command, "--runs", str(sweep_file.parent), "--accelerator", "cpu", *options],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def written(folder: Path) -> dict[Path, int]:
    """When each record was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("record.json")}


def test_kills_at_random_points_lose_nothing(sweep_file: Path) -> None:
    chance = random.Random(0)
    folder = sweep_file.parent / "killed"
    before: dict[Path, int] = {}
    for number in range(KILLS):
        process = start(sweep_file)
        time.sleep(chance.uniform(3, 14))
        if number % 2:  # runner and workers at once
            os.killpg(process.pid, signal.SIGKILL)
        else:  # the runner alone; its worker finishes the run it is at
            process.kill()
        process.wait()
        now = written(folder)
        assert {path: now[path] for path in before} == before
        for path in now:
            RunRecord.read(path)  # whole
        before = now
    process = start(sweep_file)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    study = load_study(sweep_file)
    assert missing(study, folder) == []
    assert len(list(read_records(folder))) == 6
    now = written(folder)
    assert {path: now[path] for path in before} == before


def test_two_runners_share_the_cells(sweep_file: Path) -> None:
    both = [start(sweep_file), start(sweep_file)]
    outputs = [process.communicate(timeout=180)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    finished = [int(output.split("killed: ")[1].split()[0]) for output in outputs]
    assert sum(finished) == 6
    assert min(finished) > 0


def test_one_interrupt_finishes_the_running_cell_and_two_stop_it(sweep_file: Path) -> None:
    folder = sweep_file.parent / "killed"
    process = start(sweep_file)
    first = run_folder(next(load_study(sweep_file).runs()), folder)
    while not (first / "log.txt").exists():
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert "1 finished, 0 had a record, 0 failed, 5 waiting" in output
    assert process.returncode == 1

    process = start(sweep_file)
    while len(list(folder.glob("*/log.txt"))) < 2:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert "0 finished, 1 had a record, 0 failed, 5 waiting" in output
