"""One run: its numbers, its interruptions, its failures."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ablations.errors import InputError
from ablations.records import TIMES, Failure, RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.checkpoints import Progress
from lightning_modules.execution import Execution
from lightning_modules.lock import BusyError, claim
from lightning_modules.run import train
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.training_losses import NonFiniteLossError
from lightning_modules.wandb_checks import check_locked
from reports.comparison import comparisons
from reports.plots import against_cost

CONFIG = RunConfig(
    block="psa_parallel",
    placement="last_feature",
    model="deeplabv3plus",  # has dropout
    image_size=32,
    train_images=12,
    val_images=5,
    batch_size=4,
    max_steps=6,
)
EXECUTION = Execution(accelerator="cpu", progress_bar=False)


def execution_with(**changes: object) -> Execution:
    return EXECUTION.model_copy(update=changes)


class StopError(RuntimeError):
    pass


def stop_at(step: int) -> Progress:
    def progress(now: int, loss: float) -> None:
        if now == step:
            raise StopError

    return progress


def comparable(record: RunRecord) -> dict[str, object]:
    return record.model_dump(exclude={*TIMES, "failures"})


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return train(CONFIG, tmp_path_factory.mktemp("runs"), EXECUTION)


def test_a_record_explains_the_run(uninterrupted: RunRecord) -> None:
    assert uninterrupted.config == CONFIG
    assert len(uninterrupted.iou) == 11
    present = [iou for iou in uninterrupted.iou.values() if iou is not None]
    assert uninterrupted.miou == pytest.approx(sum(present) / len(present))
    assert uninterrupted.params > 11e6
    assert uninterrupted.macs is not None
    assert uninterrupted.macs > 1e6
    assert uninterrupted.not_counted == ""
    assert uninterrupted.train_seconds > 0
    assert uninterrupted.compute_seconds
    assert uninterrupted.data_seconds
    assert uninterrupted.validation_seconds
    assert "torch" in uninterrupted.versions
    assert uninterrupted.curve[-1] == {"step": 6, "val_miou": uninterrupted.miou}


def test_a_run_that_need_not_repeat_itself_says_so(
    uninterrupted: RunRecord, tmp_path: Path
) -> None:
    record = train(CONFIG, tmp_path, execution_with(deterministic=False))
    assert record.notes == (
        "trained with --no-deterministic, so the same run can give another result",
    )
    assert not torch.are_deterministic_algorithms_enabled()
    assert record.confusion == uninterrupted.confusion  # on a CPU it does


def test_the_same_run_gives_the_same_record(
    uninterrupted: RunRecord, tmp_path: Path
) -> None:
    assert comparable(train(CONFIG, tmp_path, EXECUTION)) == comparable(uninterrupted)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_an_interrupted_run_ends_like_an_uninterrupted_one(
    uninterrupted: RunRecord, tmp_path: Path, step: int
) -> None:
    with pytest.raises(StopError):
        train(CONFIG, tmp_path, EXECUTION, stop_at(step))
    assert RunFolder(tmp_path, CONFIG).checkpoint.exists()
    steps: list[int] = []
    record = train(CONFIG, tmp_path, EXECUTION, lambda now, loss: steps.append(now))
    assert steps == list(range(step + 1, 7))
    assert comparable(record) == comparable(uninterrupted)
    assert record.failures == ("StopError",)


@pytest.mark.parametrize(
    ("moment", "call", "last"),
    [
        ("configure_optimizers", 1, 0),
        ("training_step", 4, 3),
        ("training_step", 5, 4),
        ("validation_step", 3, 3),
    ],
)
def test_what_was_interrupted_half_way_is_done_again(
    uninterrupted: RunRecord,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    call: int,
    last: int,
) -> None:
    """Each validation has two batches, and follows steps 2, 4 and 6."""
    calls = itertools.count(1)
    real = getattr(SegmentationModule, moment)

    def interrupt(self: SegmentationModule, *arguments: object) -> object:
        result = real(self, *arguments)
        if next(calls) == call:
            raise StopError
        return result

    with monkeypatch.context() as patch:
        patch.setattr(SegmentationModule, moment, interrupt)
        with pytest.raises(StopError):
            train(CONFIG, tmp_path, execution_with(checkpoint_every=0.0))
    steps: list[int] = []
    record = train(CONFIG, tmp_path, EXECUTION, lambda now, loss: steps.append(now))
    assert steps == list(range(last + 1, 7))
    assert comparable(record) == comparable(uninterrupted)


def test_a_finished_run_is_not_run_again(tmp_path: Path, uninterrupted: RunRecord) -> None:
    uninterrupted.write(RunFolder(tmp_path, CONFIG).record)
    assert train(CONFIG, tmp_path, EXECUTION, stop_at(1)) == uninterrupted


def test_other_loading_gives_the_same_result(
    uninterrupted: RunRecord, tmp_path: Path
) -> None:
    record = train(CONFIG, tmp_path, execution_with(workers=1, val_every=2))
    assert record.miou == uninterrupted.miou


def test_w_and_b_is_a_mirror_that_works_offline(
    uninterrupted: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    record = train(CONFIG, tmp_path / "runs", execution_with(wandb="offline"))
    assert comparable(record) == comparable(uninterrupted)
    folder = RunFolder(tmp_path / "runs", CONFIG).path
    [run] = folder.glob("wandb/offline-run-*/run-*.wandb")
    assert CONFIG.run_id.encode() in run.read_bytes()


def test_w_and_b_must_show_what_the_run_does() -> None:
    values: dict[str, object] = CONFIG.model_dump()
    check_locked(values, CONFIG)
    with pytest.raises(
        RuntimeError, match=r"W&B has lr = 0\.5, but the run would use 0\.002"
    ):
        check_locked(values | {"lr": 0.5}, CONFIG)


def test_w_and_b_may_spell_a_block_as_the_sweep_does() -> None:
    config = RunConfig(block="se(ratio=4)", model="unet")
    shown = {"block": "se( ratio = 4, )", "model": "unet(encoder_depth=5)"}
    check_locked(config.model_dump() | shown, config)
    with pytest.raises(RuntimeError, match=r"W&B has block = 'se\(ratio=16\)', but"):
        check_locked(config.model_dump() | {"block": "se(ratio=16)"}, config)


def test_w_and_b_may_spell_a_placement_as_the_sweep_does() -> None:
    config = RunConfig(placement="stages@4-5+decoder")
    shown = {"placement": "decoder + stages@4 + stages@5"}
    check_locked(config.model_dump() | shown, config)
    with pytest.raises(RuntimeError, match=r"W&B has placement = 'stages', but"):
        check_locked(config.model_dump() | {"placement": "stages"}, config)


def test_a_failure_is_recorded_with_its_reason(tmp_path: Path) -> None:
    config = RunConfig.parse(CONFIG.model_dump() | {"lr": 1e30, "optimizer": "sgd"})
    with pytest.raises(NonFiniteLossError):
        train(config, tmp_path, EXECUTION)
    failure = Failure.read(RunFolder(tmp_path, config).failure)
    assert failure.kind == "non-finite loss"
    assert failure.reason.startswith("NonFiniteLossError: loss is")
    assert "training_step" in failure.log


def test_a_damaged_failure_costs_no_training(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, CONFIG)
    folder.path.mkdir()
    folder.failure.write_text("{")
    record = train(CONFIG, tmp_path, EXECUTION)
    problem = "earlier failures cannot be read: truncated or not a record"
    assert record.failures == (problem,)
    assert not folder.failure.exists()


def test_a_network_that_the_last_step_ruins_is_a_failure(tmp_path: Path) -> None:
    changes = {"lr": 1e30, "optimizer": "sgd", "max_steps": 1}
    config = RunConfig.parse(CONFIG.model_dump() | changes)
    with pytest.raises(NonFiniteLossError, match="validation loss is nan after the last"):
        train(config, tmp_path, EXECUTION)
    failure = Failure.read(RunFolder(tmp_path, config).failure)
    assert failure.kind == "non-finite loss"


def test_out_of_memory_is_recorded_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(self: SegmentationModule, images: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(SegmentationModule, "forward", forward)
    with pytest.raises(torch.OutOfMemoryError):
        train(CONFIG, tmp_path, EXECUTION)
    failure = Failure.read(RunFolder(tmp_path, CONFIG).failure)
    assert failure.kind == "out of memory"
    assert failure.reason.startswith("OutOfMemoryError: CUDA out of memory")


def test_a_run_that_another_process_holds_is_left_alone(tmp_path: Path) -> None:
    with claim(RunFolder(tmp_path, CONFIG).lock), pytest.raises(BusyError):
        train(CONFIG, tmp_path, EXECUTION)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        train(CONFIG, tmp_path / "file", EXECUTION)


def test_a_block_that_no_counter_knows_is_trained(tmp_path: Path) -> None:
    name = "tests.test_counters:Spectral"
    config = CONFIG.changed(block=name)
    record = train(config, tmp_path, EXECUTION)
    assert (record.macs, record.macs_direct) == (None, None)
    assert record.not_counted == "aten::mv, aten::vdot"
    assert record.params > 11e6
    bare = CONFIG.changed(block="none")
    counts = {"config": bare, "macs": 5, "macs_direct": 5, "not_counted": ""}
    [comparison] = comparisons([record, record.model_copy(update=counts)])
    macs = comparison.numbers.set_index("block")["macs"]
    assert macs.isna().to_dict() == {"none": False, name: True}
    picture = against_cost(comparison, "macs")
    assert f"not drawn: {name} (aten::mv, aten::vdot)" in picture.axes[0].get_xlabel()


def test_a_layer_that_is_made_late_is_trained_too(tmp_path: Path) -> None:
    config = CONFIG.changed(block="tests.test_own_blocks:Late")
    with pytest.raises(StopError):
        train(config, tmp_path, execution_with(checkpoint_every=0), stop_at(3))
    last = torch.load(RunFolder(tmp_path, config).checkpoint, weights_only=True)
    names = [name for name in last["state_dict"] if "attention" in name]
    [optimizer] = last["optimizer_states"]
    optimized = sum(len(group["params"]) for group in optimizer["param_groups"])
    assert len(names) == 2
    assert optimized == len(optimizer["state"])
