"""W&B's server goes away before, during or after a training: only the mirror suffers."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ablations.errors import InputError
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules import wandb_mirror as mirror_file
from lightning_modules.execution import Execution
from lightning_modules.lock import claim
from lightning_modules.run import train
from lightning_modules.wandb_mirror import Mirror
from tests.fake_wandb import FakeWandb
from tests.test_records import record

CONFIG = RunConfig(
    model="fpn", image_size=32, train_images=8, val_images=4, batch_size=4, max_steps=4
)
ONLINE = Execution(accelerator="cpu", progress_bar=False, wandb="online", val_every=1)


class FakeRun:
    """A W&B run that keeps what it receives, or blocks, possibly forever."""

    def __init__(self, dir: Path) -> None:
        self.dir = str(dir / "files")
        self.config = CONFIG.model_dump()
        self.summary: dict[str, object] = {}
        self.logged: list[Mapping[str, object]] = []
        self.exit_code: int | None = None
        self.wait: Callable[[str], None] = lambda moment: None

    def log(self, values: Mapping[str, object]) -> None:
        self.wait("log")
        self.logged.append(values)

    def save(self, path: Path, **options: object) -> None:
        self.wait("save")

    def finish(self, exit_code: int) -> None:
        self.wait("finish")
        self.exit_code = exit_code


class Away:
    """A server that is away: wandb blocks there until the test is over."""

    def __init__(self, folder: Path) -> None:
        self.moment = ""
        self.over = threading.Event()
        self.run = FakeRun(folder)
        self.run.wait = self.wait
        self.stopped = 0

    def wait(self, moment: str) -> None:
        if moment == self.moment:
            self.over.wait()

    def begin(self, mirror: Mirror, mode: str, limit: float) -> FakeRun:
        if mode == "online":
            self.wait("init")
        return self.run

    def stop(self) -> None:
        """Has the effect of killing wandb's process."""
        self.stopped += 1
        self.over.set()


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Away]:
    monkeypatch.delenv("WANDB_SWEEP_ID", raising=False)
    for name in ("INIT_TIMEOUT", "FINISH_TIMEOUT"):
        monkeypatch.setenv(f"WANDB_{name}", "0.05")
    monkeypatch.setattr(mirror_file, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr(mirror_file, "teardown", lambda: None)
    away = Away(tmp_path)
    monkeypatch.setattr(mirror_file, "stop_service", away.stop)
    monkeypatch.setattr(
        Mirror, "begin", lambda mirror, mode, limit: away.begin(mirror, mode, limit)
    )
    yield away
    away.over.set()


def test_no_answer_before_the_training_makes_the_run_an_offline_one(
    away: Away, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away.moment = "init"
    with Mirror(RunFolder(tmp_path, CONFIG), "online") as mirror:
        mirror.open()
        mirror.log({"train/loss": 1.0})
    assert away.run.logged == [{"train/loss": 1.0}]
    assert away.run.exit_code == 0
    [note] = mirror.notes
    assert note.startswith("W&B mirror incomplete: no answer before training (TimeoutError")
    assert f"`wandb sync --include-online {tmp_path}` uploads what was saved" in note
    assert capsys.readouterr().err == f"ablate: {note}\n"


def test_an_agents_run_needs_its_server(
    away: Away, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away.moment = "init"
    monkeypatch.setenv("WANDB_SWEEP_ID", "abc")
    with (
        Mirror(RunFolder(tmp_path, CONFIG), "online") as mirror,
        pytest.raises(RuntimeError, match="the W&B run could not be started: TimeoutError"),
    ):
        mirror.open()
    assert away.stopped


def test_a_training_does_not_notice_that_logging_waits(away: Away, tmp_path: Path) -> None:
    """The record exists before W&B is given up, and notes it afterwards."""
    away.moment = "log"
    result = train(CONFIG, tmp_path, ONLINE)
    folder = RunFolder(tmp_path, CONFIG)
    assert folder.find_record() == result
    [note] = result.notes
    assert note.startswith("W&B mirror incomplete: did not finish within 0.1 s")
    assert "wandb sync" in note
    with claim(folder.lock):  # it is free
        pass


def test_the_record_is_written_before_w_and_b_is_told_the_last(
    away: Away, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves: list[bool] = []
    path = RunFolder(tmp_path, CONFIG).record
    away.run.wait = lambda moment: saves.append(path.exists()) if moment == "save" else None
    assert train(CONFIG, tmp_path, ONLINE).notes == ()
    assert saves == [True]
    assert "compute_seconds" in away.run.summary


def test_no_answer_at_the_end_is_waited_for_in_vain(away: Away, tmp_path: Path) -> None:
    away.moment = "finish"
    folder = RunFolder(tmp_path, CONFIG)
    folder.path.mkdir()
    with Mirror(folder, "online") as mirror:
        mirror.open()
        mirror.summarise(record(CONFIG))
    assert away.run.summary["miou"] == record(CONFIG).miou
    assert away.stopped
    assert "did not finish" in mirror.notes[0]


def test_what_wandb_raises_in_mid_run_is_noted(away: Away, tmp_path: Path) -> None:
    def broken(moment: str) -> None:
        if moment == "log":
            raise ConnectionError("service gone\nfor ever")

    away.run.wait = broken
    with Mirror(RunFolder(tmp_path, CONFIG), "online") as mirror:
        mirror.open()
        mirror.log({"train/loss": 1.0})
    assert "W&B mirror incomplete: ConnectionError: service gone;" in mirror.notes[0]


def test_a_limit_that_is_no_number_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "soon")
    monkeypatch.delenv("WANDB_SWEEP_ID", raising=False)
    with (
        Mirror(RunFolder(tmp_path, CONFIG), "online") as mirror,
        pytest.raises(InputError, match="WANDB_INIT_TIMEOUT = 'soon'"),
    ):
        mirror.open()


# The real client.

SCRIPT = """
import sys
from pathlib import Path
from lightning_modules.run import train
from lightning_modules.wandb_mirror import Mirror
from tests.test_wandb_away import CONFIG, ONLINE

moment, flag = sys.argv[1], Path("silent")

def progress(step, loss):
    if step == 2 and moment == "mid-run":
        go_silent()

def go_silent():
    print("silent", flush=True)
    sys.stdin.readline()

summarise = Mirror.summarise
def at_the_end(self, record):
    if moment == "finish":
        go_silent()
    summarise(self, record)
Mirror.summarise = at_the_end
train(CONFIG, Path("runs/away"), ONLINE, progress)
print("trained")
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["init", "mid-run", "finish"])
def test_an_outage_costs_the_mirror_only_and_a_sync_catches_up(
    moment: str, tmp_path: Path
) -> None:
    with FakeWandb() as server:
        patient = server.environment(tmp_path)
        limits = {"WANDB_FINISH_TIMEOUT": "8"}
        if moment == "init":
            server.silent.set()
            limits["WANDB_INIT_TIMEOUT"] = "8"
        process = start(moment, patient | limits, tmp_path)
        assert process.stdin
        assert process.stdout
        if moment != "init":
            assert process.stdout.readline() == "silent\n"
            server.silent.set()
            process.stdin.write("\n")
        output, errors = process.communicate()
        assert (process.returncode, output) == (0, "trained\n"), errors
        result = RunRecord.read(RunFolder(tmp_path / "runs/away", CONFIG).record)
        [note] = result.notes
        assert note.startswith("W&B mirror incomplete: ")
        server.silent.clear()
        command = note.split("`")[1].split()
        subprocess.run(command, cwd=tmp_path, env=patient, check=True, capture_output=True)
        [run] = server.runs()
        assert run.summary["miou"] == pytest.approx(result.miou)
        history = {  # a sync sends everything again
            row["trainer/global_step"] + 1: row["val/miou"]
            for row in run.rows
            if "val/miou" in row
        }
        curve = [point for point in result.curve if "val_miou" in point]
        assert history == pytest.approx({p["step"]: p["val_miou"] for p in curve})


def start(moment: str, environment: dict[str, str], folder: Path) -> Any:
    path = str(Path(__file__).parents[1]) + os.pathsep + environment.get("PYTHONPATH", "")
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, moment],
        cwd=folder,
        env=environment | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
