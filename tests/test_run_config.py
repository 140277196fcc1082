"""A run's id survives a new key: it is made of what differs from fixed defaults."""

from pathlib import Path

import pytest

from ablations.run_config import RunConfig

DEFAULTS = {
    "protocol": None,
    "block": "none",
    "placement": "residual",
    "init": "plain",
    "evaluation": "fast",
    "model": "deeplabv3plus",
    "encoder": "resnet18",
    "encoder_weights": None,
    "dataset": "digits",
    "image_size": 64,
    "train_images": None,
    "val_images": None,
    "score_on": "val",
    "augment": True,
    "augmentation": "dataset",
    "inference": "dataset",
    "test_augmentation": "none",
    "batch_size": 16,
    "max_steps": 400,
    "accumulate": 1,
    "loss": "cross_entropy",
    "label_smoothing": 0.0,
    "auxiliary_loss": 0.0,
    "optimizer": "adamw",
    "lr": 0.002,
    "lr_floor": 0.0,
    "warmup_steps": 0,
    "momentum": 0.9,
    "weight_decay": 0.0001,
    "clip_gradient": None,
    "ema": None,
    "freeze": "none",
    "encoder_lr_factor": 1.0,
    "precision": "32-true",
    "channels_last": False,
    "compile": False,
    "validations": 4,
    "select": "last",
    "seed": 0,
    "repeat": 0,
    "source": "",
}


class Later(RunConfig):
    """Has a key that this version lacks; its default is today's behaviour."""

    dropout: float = 0.0


def test_defaults_never_change() -> None:
    """If this fails, old records are taken for other runs."""
    assert RunConfig().model_dump() == DEFAULTS


@pytest.mark.parametrize(
    "values", [{}, {"block": "se", "seed": 3}, {"lr": 0.1, "encoder_weights": "imagenet"}]
)
def test_a_later_key_with_its_default_changes_no_id(values: dict[str, object]) -> None:
    assert Later.parse(values).run_id == RunConfig.parse(values).run_id
    assert Later.parse({**values, "dropout": 0.1}).run_id != RunConfig.parse(values).run_id


def test_equal_configurations_have_equal_ids() -> None:
    assert RunConfig(lr=1).run_id == RunConfig(lr=1.0).run_id
    assert RunConfig().run_id == "none-residual-resnet18-s0-" + RunConfig().run_id[-10:]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"lr": 0.1},
        {"encoder_weights": "imagenet"},
        {"repeat": 1},
        {"block": "se", "init": "identity"},
    ],
)
def test_every_field_decides_the_id(change: dict[str, object]) -> None:
    assert RunConfig.parse(change).run_id != RunConfig().run_id


@pytest.mark.parametrize(
    ("values", "run_id"),
    [
        ({}, "none-residual-resnet18-s0-44136fa355"),
        ({"block": "se", "seed": 3}, "se-residual-resnet18-s3-30b022f2a2"),
        (
            {"lr": 0.1, "encoder_weights": "imagenet"},
            "none-residual-resnet18-s0-590930eadd",
        ),
        (
            {"evaluation": "direct", "train_images": 8, "augment": False},
            "none-residual-resnet18-s0-c8dc29c7fc",
        ),
        (
            {"encoder": "tu-a/b", "weight_decay": 1e-05, "lr": 1e-3},
            "none-residual-tu-a_b-s0-3e71dbbb81",
        ),
        (
            {"block": "a:B", "source": "block=0123456789ab"},
            "a_B-residual-resnet18-s0-22d05281dc",
        ),
    ],
)
def test_an_id_never_changes(values: dict[str, object], run_id: str) -> None:
    """If this fails, no existing record belongs to a run any more."""
    assert RunConfig.model_validate(values).run_id == run_id


def test_a_key_with_its_default_decides_nothing() -> None:
    whole = RunConfig(block="se").model_dump()
    assert RunConfig.parse(whole).run_id == RunConfig(block="se").run_id


def test_an_id_is_one_plain_path_component() -> None:
    run_id = RunConfig(block="../my.file:Block", encoder="tu-a/b").run_id
    assert Path(run_id).name == run_id
    assert ":" not in run_id
    assert "." not in run_id
    assert len(RunConfig(block="x" * 1000, seed=4_294_967_295).run_id) < 150
