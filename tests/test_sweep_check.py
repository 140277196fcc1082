"""A run that differs from what its sweep asked for does not begin, on any rank."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pytorch_lightning import Callback, LightningModule, Trainer

from ablations.cli import main
from ablations.errors import InputError
from ablations.run_config import RunConfig
from ablations.run_folder import read_failures
from lightning_modules.average import MovingAverage
from lightning_modules.data import create_data
from lightning_modules.execution import Execution
from lightning_modules.machine import check_precision
from lightning_modules.run import train
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.sweep_check import MatchesSweep, check_cell, sweep_cell
from sweeps.local.one_run import carry_out
from tests.planned_runs import launch, planned_run

CONFIG = RunConfig(
    model="fpn", image_size=32, train_images=8, val_images=4, batch_size=4, max_steps=2
)

HALF = "precision = '16-mixed': not supported on CPU (supported: 32-true, bf16-mixed)"
MACHINES = [
    ("cpu", "16-mixed", HALF),
    ("auto", "16-mixed", HALF),
    ("gpu", "32-true", "accelerator = 'gpu': no GPU here; use auto or cpu"),
    ("mps", "32-true", "accelerator = 'mps': not available here; use auto or cpu"),
]


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Provides values in the way that W&B's agent does."""

    def hand_out(**values: object) -> None:
        path = tmp_path / "cell.yaml"
        entries = {key: {"value": value} for key, value in values.items()}
        path.write_text(yaml.safe_dump({"wandb_version": 1} | entries))
        monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", str(path))

    return hand_out


def test_values_are_compared_as_the_configuration_types_them(cell: Any) -> None:
    cell(lr=10, augment=False, encoder_weights=None, cell={"seed": 1})
    assert {key: repr(value) for key, value in sweep_cell().items()} == {
        "lr": "10.0",
        "augment": "False",
        "encoder_weights": "None",
        "seed": "1",
    }
    effective = RunConfig(lr=10.0, augment=False, seed=1).model_dump()
    check_cell(effective)
    with pytest.raises(InputError, match=r"asked for seed = 1, but the run would use True"):
        check_cell(effective | {"seed": True})


def test_outside_of_a_sweep_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_SWEEP_PARAM_PATH", raising=False)
    assert sweep_cell() == {}


@pytest.mark.parametrize("content", ["", "- 1", "lr: 3", "{lr: {values: [1]}}"])
def test_a_file_that_is_no_cell_is_named(content: str, cell: Any, tmp_path: Path) -> None:
    cell()
    (tmp_path / "cell.yaml").write_text(content)
    with pytest.raises(InputError, match=r"cell\.yaml: not a sweep cell"):
        sweep_cell()


def test_a_flag_that_overrides_the_cell_stops_the_run_before_it_begins(
    cell: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The record of the cell that the flag selects is not used either."""
    cell(seed=1, block="se")
    flags = ["--block", "se", "--seed", "0", "--runs", str(tmp_path / "runs")]
    assert main(["train", *flags]) == 2
    error = capsys.readouterr().err
    assert "the sweep asked for seed = 1, but the run would use 0" in error
    assert not (tmp_path / "runs").exists()


def test_a_key_that_no_run_has_is_named(cell: Any, tmp_path: Path) -> None:
    cell(fold=1)
    with pytest.raises(InputError, match="unknown key 'fold'"):
        train(CONFIG, tmp_path)


class Other(Callback):
    """Makes one setting on one rank differ from the configuration."""

    def __init__(self, part: str, rank: int = 0) -> None:
        self.part, self.rank = part, rank

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_rank != self.rank:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if self.part == "lr":
            trainer.optimizers[0].param_groups[0]["initial_lr"] = 0.5
        elif self.part == "lr_floor":
            trainer.lr_scheduler_configs[0].scheduler.lr_floor = 0.001  # type: ignore
        elif self.part == "warmup_steps":
            trainer.lr_scheduler_configs[0].scheduler.warmup_steps = 1  # type: ignore
        elif self.part == "clip_gradient":
            trainer.gradient_clip_val = 2.0
        elif self.part == "accumulate":
            pl_module.accumulate = 2  # type: ignore[assignment]
        elif self.part == "ema":
            trainer.callbacks.append(MovingAverage(0.99))  # type: ignore[attr-defined]
        elif self.part == "batch_size":
            data.config = data.config.model_copy(update={"batch_size": 8})


def fit(*callbacks: Callback, **options: Any) -> None:
    torch.manual_seed(0)
    data = create_data(CONFIG)
    trainer = Trainer(
        accelerator="cpu",
        max_steps=CONFIG.max_steps,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        callbacks=[*callbacks, MatchesSweep()],
        **options,
    )
    trainer.fit(SegmentationModule(CONFIG, data.classes), data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("part", "used"),
    [
        ("lr", "0.5"),
        ("batch_size", "8"),
        ("lr_floor", "0.001"),
        ("warmup_steps", "1"),
        ("clip_gradient", "2.0"),
        ("accumulate", "2"),
        ("ema", "0.99"),
    ],
)
def test_outside_of_a_sweep_a_record_cannot_say_what_was_not_used(
    part: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_SWEEP_PARAM_PATH", raising=False)
    with pytest.raises(InputError, match=f"configuration says {part} .* would use {used}"):
        fit(Other(part), devices=1)


@pytest.mark.parametrize(("accelerator", "precision", "message"), MACHINES)
def test_what_this_machine_cannot_do_is_refused_before_the_start(
    accelerator: Any,
    precision: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a sweep it makes the run fail."""
    for device in (torch.cuda, torch.backends.mps):
        monkeypatch.setattr(device, "is_available", lambda: False)
    flags = ["--accelerator", accelerator, "--precision", precision]
    assert main(["train", "--runs", str(tmp_path / "runs"), *flags]) == 2
    assert capsys.readouterr().err == f"ablate: {message}\n"
    assert not (tmp_path / "runs").exists()
    config = CONFIG.changed(precision=precision)
    answer = carry_out(
        planned_run(config),
        launch(tmp_path / "study"),
        Execution(accelerator=accelerator),
        print,
    )
    assert (answer.kind, answer.reason) == ("failed", f"InputError: {message}")
    [failed] = read_failures(tmp_path / "study")
    assert failed.reason == answer.reason


def test_a_gpu_without_bfloat16_is_not_asked_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla P100")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    check_precision("16-mixed", "gpu")
    message = r"'bf16-mixed': not supported on Tesla P100 \(supported: 32-true, 16-mixed\)"
    with pytest.raises(InputError, match=message):
        check_precision("bf16-mixed", "auto")
    check_precision("bf16-mixed", "cpu")


@pytest.mark.filterwarnings("ignore")  # Lightning's hints about workers and logging
@pytest.mark.parametrize(
    ("part", "message"),
    [("none", None), ("lr", "would use 0.5"), ("batch_size", "would use 8")],
)
def test_what_a_part_really_uses_is_compared(
    part: str, message: str | None, cell: Any
) -> None:
    cell(lr=CONFIG.lr, batch_size=4, max_steps=2, precision="32-true", optimizer="adamw")
    if message is None:
        fit(Other(part), devices=1)
    else:
        with pytest.raises(InputError, match=message):
            fit(Other(part), devices=1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_each_rank_looks_for_itself(cell: Any) -> None:
    """Two processes, of which only the second differs from what was asked for."""
    cell(lr=CONFIG.lr)
    two = {"devices": 2, "strategy": "ddp_fork", "use_distributed_sampler": False}
    fit(Other("none"), **two)
    with pytest.raises(
        Exception, match=r"asked for lr = 0\.002, but the run would use 0\.5"
    ):
        fit(Other("lr", rank=1), **two)


def test_an_agent_without_a_server_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "abc")
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert main(["train", "--runs", str(tmp_path / "runs")]) == 2
    assert "ablate sweep FILE --wandb offline" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    monkeypatch.delenv("WANDB_MODE")
    with pytest.raises(InputError, match="W&B's server assigns an agent's runs"):
        train(CONFIG, tmp_path, Execution(wandb="offline"))
