"""A run resumes only from its own whole checkpoint; any other is set aside."""

import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.checkpoints import STATEMENT, Statement
from lightning_modules.data import create_data
from lightning_modules.execution import Execution
from lightning_modules.resuming import UnusableError, resumable, set_aside
from lightning_modules.run import train
from lightning_modules.segmentation import SegmentationModule

CONFIG = RunConfig(
    block="se",
    placement="last_feature",
    model="fpn",
    image_size=32,
    train_images=8,
    val_images=4,
    batch_size=4,
    max_steps=4,
)
EXECUTION = Execution(accelerator="cpu", progress_bar=False)
LOOP = "epoch_loop.automatic_optimization.optim_progress"


class StopError(RuntimeError):
    pass


def stop_at_two(step: int, loss: float) -> None:
    if step == 2:
        raise StopError


def interrupt(config: RunConfig, study: Path) -> Path:
    """The checkpoint of a run that was stopped after two steps."""
    with pytest.raises(StopError):
        train(config, study, EXECUTION, stop_at_two)
    return RunFolder(study, config).checkpoint


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return interrupt(CONFIG, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def module() -> SegmentationModule:
    return SegmentationModule(CONFIG, create_data(CONFIG).classes)


@pytest.fixture(scope="module")
def statement(whole: Path) -> Statement:
    return Statement(**torch.load(whole, weights_only=True)[STATEMENT])


def test_a_run_resumes_from_its_own_checkpoint(
    whole: Path, module: SegmentationModule, statement: Statement
) -> None:
    assert resumable(whole, module, statement) == (2, statement)


def test_what_is_different_in_a_later_session_is_noted(
    whole: Path, module: SegmentationModule, statement: Statement
) -> None:
    now = replace(statement, made_with=statement.made_with | {"device": "abacus"})
    _, resumed = resumable(whole, module, now)
    before = statement.made_with["device"]
    assert resumed.notes == (f"resumed at step 2 with device abacus, previously {before}",)


def test_a_checkpoint_of_another_run_is_not_resumed_from(
    whole: Path, module: SegmentationModule, statement: Statement
) -> None:
    with pytest.raises(UnusableError, match="belongs to run se-last") as other:
        resumable(whole, module, replace(statement, run="se-lr-seed-1"))
    assert other.value.kind == "of-another-run"
    with pytest.raises(UnusableError, match="made with different data"):
        resumable(whole, module, replace(statement, data="digits of another font"))


def text(path: Path) -> None:
    path.write_text("not a checkpoint")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Flip one bit of a weight."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    """Opening it would block forever."""
    path.unlink()
    os.mkfifo(path)


def nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("gone"))


def another_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "no training")


class Malicious:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch executed",)


def malicious(path: Path) -> None:
    torch.save({"global_step": 2, "state_dict": Malicious()}, path)


def tensor(path: Path) -> None:
    torch.save(torch.ones(3), path)


@pytest.mark.parametrize(
    "damage",
    [
        text,
        cut,
        flip,
        folder,
        pipe,
        nowhere,
        another_archive,
        malicious,
        tensor,
        Path.touch,
    ],
)
def test_a_damaged_file_is_not_resumed_from(
    damage: Callable[[Path], None],
    whole: Path,
    module: SegmentationModule,
    statement: Statement,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "last.ckpt"
    if damage in {cut, flip}:
        path.write_bytes(whole.read_bytes())
    elif damage is not Path.touch:
        path.touch()
    damage(path)
    with pytest.raises(UnusableError) as problem:
        resumable(path, module, statement)
    assert problem.value.kind in {"damaged", "unknown"}
    assert "\n" not in str(problem.value)
    assert not (tmp_path / "executed").exists()


def optimizer_steps(content: dict[str, Any]) -> dict[str, int]:
    counted: dict[str, int] = content["loops"]["fit_loop"][LOOP]["optimizer"]["step"][
        "total"
    ]
    return counted


def tell(content: dict[str, Any], step: Any) -> None:
    content["global_step"] = optimizer_steps(content)["completed"] = step


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda content: content.pop(STATEMENT), "unknown"),
        (lambda content: content.update({STATEMENT: {"run": "x"}}), "damaged"),
        (lambda content: content.update({STATEMENT: 5}), "damaged"),
        (lambda content: content.pop("global_step"), "damaged"),
        (lambda content: content.pop("loops"), "damaged"),
        (lambda content: content.pop("optimizer_states"), "damaged"),
        (lambda content: content["state_dict"].popitem(), "damaged"),
        (lambda content: content.update(state_dict=None), "damaged"),
        (lambda content: content.update(global_step=3), "damaged"),
        (lambda content: tell(content, 5), "damaged"),
        (lambda content: tell(content, -1), "damaged"),
        (lambda content: tell(content, 0), "damaged"),
        (lambda content: tell(content, 2.0), "damaged"),
        (lambda content: tell(content, True), "damaged"),
        (lambda content: tell(content, "2"), "damaged"),
    ],
)
def test_a_checkpoint_that_contradicts_itself_is_not_resumed_from(
    change: Callable[[dict[str, Any]], object],
    kind: str,
    whole: Path,
    module: SegmentationModule,
    statement: Statement,
    tmp_path: Path,
) -> None:
    content = torch.load(whole, weights_only=True, mmap=True)
    change(content)
    torch.save(content, tmp_path / "last.ckpt")
    with pytest.raises(UnusableError) as problem:
        resumable(tmp_path / "last.ckpt", module, statement)
    assert problem.value.kind == kind


def test_what_is_set_aside_is_kept_under_a_name_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "last.ckpt"
    for content in ("a", "b"):
        path.write_text(content)
        note = set_aside(path, UnusableError("damaged", "it is a letter"))
    assert (tmp_path / "last.ckpt.damaged").read_text() == "a"
    assert (tmp_path / "last.ckpt.damaged-2").read_text() == "b"
    assert not path.exists()
    assert note.endswith("as last.ckpt.damaged-2 and the run restarted: it is a letter")
    assert note in capsys.readouterr().err


def count(steps: list[int], step: int, loss: float) -> None:
    steps.append(step)


def unrestorable(whole: Path, path: Path) -> None:
    """It passes every check, but Lightning cannot restore it."""
    content = torch.load(whole, weights_only=True)
    content["optimizer_states"] = [{}]
    path.parent.mkdir(parents=True)
    torch.save(content, path)


def test_a_run_starts_anew_and_its_record_says_why(whole: Path, tmp_path: Path) -> None:
    """It meets a checkpoint of seed 0, then one that cannot be restored."""
    seed = CONFIG.changed(seed=1)
    other, own = (RunFolder(tmp_path, config).checkpoint for config in (seed, CONFIG))
    other.parent.mkdir(parents=True)
    other.write_bytes(whole.read_bytes())
    unrestorable(whole, own)
    for config, path, kind in ((seed, other, "of-another-run"), (CONFIG, own, "damaged")):
        steps: list[int] = []
        record = train(config, tmp_path, EXECUTION, partial(count, steps))
        assert steps == [1, 2, 3, 4]
        [note] = record.notes
        assert f"set aside as last.ckpt.{kind}" in note
        assert RunRecord.read(path.with_name("record.json")) == record
        assert path.with_name(f"last.ckpt.{kind}").exists()
