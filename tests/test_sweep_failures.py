"""Anything that ends a run is recorded with reason and log; other runs continue."""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from ablations.records import Failure, FailureKind
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder, read_records
from lightning_modules.execution import Execution
from lightning_modules.lock import claim
from sweeps.book import Book
from sweeps.display import Display
from sweeps.local import worker
from sweeps.local.resources import Resources
from sweeps.local.runner import Runner
from sweeps.outcome import Summary
from sweeps.study.sweep_file import load_study
from tests.planned_runs import configs, launch, planned_run

SMOKE = Path(__file__).parents[1] / "sweeps" / "smoke.yaml"
NONE, *_ = configs(load_study(SMOKE))
EXECUTION = Execution(accelerator="cpu")

OWN_BLOCKS = """
import contextlib, os, pathlib, signal, sys, time, torch
from torch import nn

class Raises(nn.Identity):
    def __init__(self, channels):
        super().__init__()
    def forward(self, x):
        raise RuntimeError("no luck")

class Dies(Raises):
    def forward(self, x):
        os.kill(os.getpid(), signal.SIGKILL)

class Segfaults(Raises):
    def forward(self, x):
        print("the last words", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)

class Leaves(Raises):
    def forward(self, x):
        os._exit(3)

class LeavesWell(Raises):
    def forward(self, x):
        os._exit(0)

class Exits(Raises):
    def forward(self, x):
        sys.exit(0)

class Interrupts(Raises):
    def forward(self, x):
        raise KeyboardInterrupt

class Chatters(Raises):
    def forward(self, x):
        print("x" * 5_000_000)
        raise ValueError

class Fills(Raises):
    def forward(self, x):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

class Diverges(Raises):
    def forward(self, x):
        return x * float("inf")

class Hangs(Raises):
    def forward(self, x):
        if self.training:
            time.sleep(600)
        return x

class DiesOnce(Raises):
    def forward(self, x):
        been = pathlib.Path("been")
        if not been.exists():
            been.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x

class Floods(Raises):
    def forward(self, x):
        with contextlib.suppress(OSError), open("runs/flood", "w") as flood:
            while True:
                flood.write("x" * 4096)
        return x

class Tells(Raises):
    def forward(self, x):
        gpu = os.environ.get("CUDA_VISIBLE_DEVICES")
        raise RuntimeError(f"{torch.get_num_threads()} threads, GPU {gpu}")
"""


@pytest.fixture(autouse=True)
def own_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "luckless.py").write_text(OWN_BLOCKS)
    monkeypatch.chdir(tmp_path)


def with_block(block: str, seed: int = 0) -> RunConfig:
    name = f"luckless:{block}" if block[0].isupper() else block
    return NONE.changed(block=name, seed=seed)


def sweep(folder: Path, resources: Resources, *configs: RunConfig) -> tuple[Summary, str]:
    """Carry out runs and return their log."""
    text = io.StringIO()
    display = Display(Console(file=text, width=200))
    book = Book(map(planned_run, configs), launch(folder), resources.retries, display)
    return Runner(book, EXECUTION, resources).run(), text.getvalue()


ENDS: dict[str, tuple[FailureKind, str, str]] = {  # kind, beginning of the reason, log
    "Raises": ("error", "RuntimeError: no luck", "in forward"),
    "Fills": ("out of memory", "OutOfMemoryError: CUDA out of memory.", "in forward"),
    "Diverges": ("non-finite loss", "NonFiniteLossError: loss is nan", "training_step"),
    "Segfaults": ("crash", "the process was killed by SIGSEGV", "the last words"),
    "Dies": ("crash", "the process was killed by SIGKILL", ""),
    "Leaves": ("crash", "the process exited with code 3", ""),
    "LeavesWell": ("crash", "the process exited with code 0", ""),
    "Exits": ("error", "SystemExit: 0", "in forward"),
    "Interrupts": ("error", "KeyboardInterrupt", "in forward"),
    "Chatters": ("error", "ValueError", "in forward"),
}


@pytest.mark.parametrize(
    "names", [("Segfaults",), pytest.param(tuple(ENDS), marks=pytest.mark.slow)]
)
def test_every_end_of_a_run_is_a_recorded_state(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    failing = {name: with_block(name) for name in names}
    folder, resources = tmp_path / "study", Resources(jobs=2)
    summary, log = sweep(folder, resources, *failing.values(), NONE)
    assert (summary.finished, len(summary.failed)) == (1, len(failing))
    assert f"[{len(failing) + 1}/{len(failing) + 1}]" in log
    for name in names:
        kind, reason, words = ENDS[name]
        failure = Failure.read(RunFolder(folder, failing[name]).failure)
        assert failure.kind == kind
        assert failure.reason.startswith(reason)
        assert words in failure.log
        assert summary.failed[failing[name].run_id] == failure.reason
    assert [record.config for record in read_records(tmp_path)] == [NONE]


@pytest.mark.slow
def test_a_run_that_hangs_is_a_time_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STOP_SECONDS", 0.5)
    summary, _ = sweep(
        tmp_path / "study", Resources(timeout=1), hangs := with_block("Hangs")
    )
    assert list(summary.failed.values()) == ["not finished after 1 s"]
    assert Failure.read(RunFolder(tmp_path / "study", hangs).failure).kind == "time-out"


@pytest.mark.slow
def test_a_further_attempt_is_never_silent(tmp_path: Path) -> None:
    once, always = with_block("DiesOnce"), with_block("Raises")
    resources = Resources(retries=2)
    summary, log = sweep(tmp_path / "study", resources, once, always)
    assert (summary.finished, len(summary.failed), summary.repeated) == (1, 1, 3)
    assert log.count("will be retried") == 3
    [record] = read_records(tmp_path)
    assert record.failures == ("the process was killed by SIGKILL",)
    failure = Failure.read(RunFolder(tmp_path / "study", always).failure)
    assert len(failure.reasons) == 3
    assert all("fails: RuntimeError: no luck" in reason for reason in failure.reasons)


@pytest.mark.slow
def test_threads_are_divided_and_each_gpu_has_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # one for each of two
    both = [with_block("Tells", seed) for seed in range(2)]
    summary, _ = sweep(tmp_path, Resources(gpus=("0", "1")), *both)
    hits = [re.search(r"RuntimeError: (.*) \(", text) for text in summary.failed.values()]
    assert {match[1] for match in hits if match} == {"1 threads, GPU 0", "1 threads, GPU 1"}
    alone, _ = sweep(tmp_path, Resources(), both[0])
    assert "RuntimeError: 2 threads, GPU None" in " ".join(alone.failed.values())
    shared = Resources(gpus=("0", "1"), runs_per_gpu=2).environments()
    assert [place["CUDA_VISIBLE_DEVICES"] for place in shared] == ["0", "1", "0", "1"]


def test_a_lock_that_a_killed_process_left_holds_nobody_up(tmp_path: Path) -> None:
    lock = RunFolder(tmp_path, NONE).lock
    holding = (
        "import sys, time, pathlib; from lightning_modules.lock import claim\n"
        "with claim(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(3600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(lock)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
    assert lock.exists()
    with claim(lock):
        pass


def ablate_sweep(folder: Path, before: str) -> tuple[int, str]:
    """Sweep the baseline and Floods into folder/runs, in a separate mount namespace."""
    smoke = yaml.safe_load(SMOKE.read_text())
    smoke["parameters"] |= {"block": {"values": ["none", "luckless:Floods"]}}
    smoke["parameters"] |= {"seed": {"value": 0}}
    del smoke["command"], smoke["program"]  # they name the study
    (folder / "full.yaml").write_text(yaml.safe_dump(smoke | {"name": "full"}))
    (folder / "runs").mkdir(exist_ok=True)
    script = f"""{before}
    {sys.executable} -m ablations sweep full.yaml --accelerator cpu
    code=$?; find runs -name record.json; exit $code"""
    private = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    result = subprocess.run(private, cwd=folder, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    private = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "x", "/mnt"]
    return subprocess.run(private, capture_output=True).returncode == 0


mounts = pytest.mark.skipif(not can_mount(), reason="no mount namespaces (unshare) here")


@mounts
@pytest.mark.slow
def test_a_full_disk_is_one_error_and_keeps_what_is_finished(tmp_path: Path) -> None:
    code, output = ablate_sweep(tmp_path, "mount -t tmpfs -o size=200k none runs")
    assert code == 2, output
    assert "cannot be written (No space left on device)" in output
    assert "Traceback" not in output
    assert output.count("record.json") == 1 + output.count("record.json: cannot")


@mounts
@pytest.mark.slow
def test_a_read_only_folder_is_one_error_before_anything_starts(tmp_path: Path) -> None:
    read_only = "mount --bind runs runs && mount -o remount,ro,bind runs"
    code, output = ablate_sweep(tmp_path, read_only)
    assert code == 2, output
    assert "cannot be written (Read-only file system)" in output
    assert "Traceback" not in output
