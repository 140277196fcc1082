"""The learning rate of every step, against its formula."""

from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import nn

from ablations.run_config import RunConfig
from lightning_modules import schedule
from lightning_modules.data import create_data
from lightning_modules.freezing import OwnParts
from lightning_modules.optimizer import create_optimizer
from lightning_modules.segmentation import SegmentationModule

CONFIG = RunConfig(lr=0.03, lr_floor=0.002, warmup_steps=4, max_steps=11)


def formula(step: int, config: RunConfig) -> float:
    """Of the step after that many."""
    if step < config.warmup_steps:
        return config.lr * step / config.warmup_steps
    share = (step - config.warmup_steps) / (config.max_steps - config.warmup_steps)
    return config.lr_floor + (config.lr - config.lr_floor) * (1 - share) ** 0.9


def rates(config: RunConfig, encoder: nn.Linear, head: nn.Linear) -> list[list[float]]:
    """The learning rates of the groups at every step and after the last."""
    parameters = [*encoder.parameters(), *head.parameters()]
    own = OwnParts.before_blocks(encoder)
    created = create_optimizer(parameters, own, config)
    optimizer, poly = created["optimizer"], created["lr_scheduler"]["scheduler"]
    found = []
    for _ in range(config.max_steps + 1):
        found.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        poly.step()
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"lr_floor": 0.0},
        {"warmup_steps": 0},
        {"warmup_steps": 10, "encoder_lr_factor": 0.1},
        {"encoder_lr_factor": 10.0},
    ],
)
def test_every_group_follows_the_formula_at_every_step(changes: dict[str, float]) -> None:
    config = CONFIG.changed(**changes)
    found = rates(config, nn.Linear(2, 2), nn.Linear(2, 2))
    expected = [formula(step, config) for step in range(12)]
    factor = config.encoder_lr_factor
    assert [group[0] for group in found] == pytest.approx(expected, rel=1e-9)
    encoders = pytest.approx([factor * rate for rate in expected], rel=1e-9)
    assert [group[-1] for group in found] == encoders
    assert expected[-1] == config.lr_floor


def test_without_warm_up_and_floor_it_is_polynomial_lr_to_the_last_bit() -> None:
    config = RunConfig(lr=0.0137, max_steps=257)
    ours = [group for [group] in rates(config, nn.Linear(2, 2), nn.Linear(2, 2))]
    optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), 0.0137)
    poly = torch.optim.lr_scheduler.PolynomialLR(optimizer, 257, 0.9)
    theirs = []
    for _ in range(258):
        theirs += [group["lr"] for group in optimizer.param_groups]
        optimizer.step()
        poly.step()
    assert ours == theirs


class Rates(Callback):
    def __init__(self, stop: int | None = None) -> None:
        self.found: list[float] = []
        self.stop = stop

    def on_train_batch_start(self, trainer: Trainer, *arguments: object) -> None:
        self.found.append(trainer.optimizers[0].param_groups[0]["lr"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stop", [2, 4, 7])  # in the warm-up, at its end, after it
def test_a_resumed_training_goes_on_where_the_schedule_was(
    stop: int, tmp_path: Path
) -> None:
    config = CONFIG.changed(
        model="fpn", encoder="tu-test_resnet", image_size=32, train_images=4,
        val_images=2, batch_size=2,
    )  # fmt: skip
    found: list[float] = []
    for steps, last in ((stop, None), (11, tmp_path / "last.ckpt")):
        module = SegmentationModule(config, create_data(config).classes)
        data, callback = create_data(config), Rates()
        data.first_step = stop if last else 0
        trainer = Trainer(
            accelerator="cpu", max_steps=steps, logger=False, limit_val_batches=0,
            enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, callbacks=[callback],
        )  # fmt: skip
        trainer.fit(module, data, ckpt_path=last, weights_only=True if last else None)
        trainer.save_checkpoint(tmp_path / "last.ckpt")
        found += callback.found
    assert found == pytest.approx([formula(step, config) for step in range(11)], rel=1e-9)


def test_the_power_is_that_of_the_field() -> None:
    assert schedule.POLY_POWER == 0.9
