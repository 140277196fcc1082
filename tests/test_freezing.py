"""What of the encoder is trained, and how fast, is a key; blocks are trained as ever."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn

from ablations.cli import main
from ablations.errors import InputError
from ablations.records import TIMES, RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.data import create_data
from lightning_modules.execution import Execution
from lightning_modules.freezing import advice
from lightning_modules.run import train
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.sweep_check import MatchesSweep

CONFIG = RunConfig(
    block="cbam",  # has a batch norm
    model="fpn",
    encoder="tu-test_resnet",
    image_size=32,
    train_images=12,
    val_images=3,
    batch_size=4,
    max_steps=5,
    weight_decay=0.1,
)
EXECUTION = Execution(accelerator="cpu", progress_bar=False)
VALIDATIONS = Execution(accelerator="cpu", progress_bar=False, val_every=2)
States = dict[str, Tensor]


class StopError(RuntimeError):
    pass


def stop_at_three(step: int, loss: float) -> None:
    if step == 3:
        raise StopError


def network(config: RunConfig) -> SegmentationModule:
    torch.manual_seed(0)
    return SegmentationModule(config, create_data(config).classes)


def fit(config: RunConfig, *callbacks: Callback) -> tuple[States, States]:
    """The state before and after a training with a validation after every second step."""
    module = network(config)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    trainer = Trainer(
        accelerator="cpu",
        max_steps=config.max_steps,
        val_check_interval=2,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[*callbacks, MatchesSweep()],
    )
    trainer.fit(module, create_data(config))
    return before, module.state_dict()


def changed(before: States, after: States) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def of_norms(module: nn.Module, prefix: str) -> set[str]:
    """The entries of batch norms in a state dict."""
    return {
        f"{path}.{name}"
        for path, part in module.named_modules()
        if isinstance(part, nn.BatchNorm2d) and path.startswith(prefix)
        for name in part.state_dict()
    }


@pytest.mark.filterwarnings("ignore")  # Lightning's hints about workers
@pytest.mark.parametrize("freeze", ["none", "encoder_bn", "encoder"])
def test_training_changes_all_but_what_is_frozen(freeze: str) -> None:
    """Weight decay included; a block's own norm in the encoder learns its statistics.

    timm's random encoders begin with dead branches, in which blocks would not learn.
    """
    config = CONFIG.changed(freeze=freeze, encoder="resnet18")
    before, after = fit(config)
    encoder = {name for name in before if name.startswith("model.encoder.")}
    blocks = {name for name in encoder if ".attention." in name}
    norms = of_norms(network(config), "model.encoder.") - blocks
    frozen = {"none": set(), "encoder_bn": norms, "encoder": encoder - blocks}[freeze]
    assert len(norms) == 5 * 20  # weight, bias, mean, variance and number of batches
    assert any(name.endswith("norm.running_var") for name in blocks)
    assert changed(before, after) == set(before) - frozen


@pytest.mark.parametrize("freeze", ["encoder_bn", "encoder"])
def test_no_mode_of_the_whole_ends_the_freeze(freeze: str) -> None:
    module = network(CONFIG.changed(freeze=freeze, placement="stages"))
    for switched in (module, module.eval(), module.train(False), module.train()):
        held = [norm.training for norm in switched.own_parts.norms]
        assert held == [False] * 15
    encoder: Any = module.model.encoder
    assert all(part.training for part in encoder.attention.modules())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("factor", [0.1, 3])
def test_the_factor_scales_the_first_step_of_the_encoder_alone(factor: float) -> None:
    """The first step of SGD with momentum is lr * (gradient + decay * weight)."""
    sgd = {"optimizer": "sgd", "lr": 0.01, "max_steps": 1, "augment": False}
    before, usual = fit(CONFIG.changed(**sgd))
    _, scaled = fit(CONFIG.changed(**sgd, encoder_lr_factor=factor))
    for name, _ in network(CONFIG).named_parameters():
        own = name.startswith("model.encoder.") and ".attention." not in name
        step = usual[name] - before[name]
        expected = before[name] + step * (factor if own else 1)
        assert step.any() or not before[name].any()
        torch.testing.assert_close(scaled[name], expected, rtol=1e-5, atol=1e-7)


class Rates(Callback):
    """The learning rates of each step."""

    def __init__(self) -> None:
        self.rates: list[list[float]] = []

    def on_train_batch_start(self, trainer: Trainer, *arguments: Any) -> None:
        groups = trainer.optimizers[0].param_groups
        self.rates.append([group["lr"] for group in groups])


@pytest.mark.filterwarnings("ignore")
def test_both_learning_rates_decay_polynomially() -> None:
    rates = Rates()
    fit(CONFIG.changed(lr=0.01, encoder_lr_factor=0.25), rates)
    assert rates.rates == [
        pytest.approx([0.01 * (1 - step / 5) ** 0.9, 0.0025 * (1 - step / 5) ** 0.9])
        for step in range(5)
    ]


def test_without_these_keys_the_optimizer_is_as_it_was() -> None:
    """So a checkpoint of an earlier version can be resumed from."""
    module = network(CONFIG)
    built: Any = module.configure_optimizers()
    [group] = built["optimizer"].param_groups
    assert list(map(id, group["params"])) == list(map(id, module.parameters()))


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_an_optimizer_has_no_frozen_parameters(factor: float) -> None:
    module = network(CONFIG.changed(freeze="encoder_bn", encoder_lr_factor=factor))
    built: Any = module.configure_optimizers()
    optimized = [p for group in built["optimizer"].param_groups for p in group["params"]]
    frozen = [p for norm in module.own_parts.norms for p in norm.parameters()]
    everything = list(map(id, module.parameters()))
    assert sorted(map(id, [*optimized, *frozen])) == sorted(everything)


def comparable(record: RunRecord) -> dict[str, object]:
    return record.model_dump(exclude={*TIMES, "failures"})


@pytest.mark.parametrize(
    "keys",
    [
        {"freeze": "encoder_bn", "encoder_lr_factor": 0.3},
        {"freeze": "encoder", "placement": "stages"},
    ],
)
def test_a_resumed_run_freezes_the_same(keys: dict[str, object], tmp_path: Path) -> None:
    config = CONFIG.changed(**keys)
    whole = train(config, tmp_path / "whole", VALIDATIONS)
    with pytest.raises(StopError):
        train(config, tmp_path / "parts", VALIDATIONS, stop_at_three)
    assert RunFolder(tmp_path / "parts", config).checkpoint.exists()
    parts = train(config, tmp_path / "parts", VALIDATIONS)
    assert parts.failures == ("StopError",)
    assert comparable(parts) == comparable(whole)


def test_a_record_says_that_what_is_frozen_is_random(tmp_path: Path) -> None:
    record = train(CONFIG.changed(freeze="encoder", max_steps=1), tmp_path, EXECUTION)
    [note] = record.notes
    assert note.startswith("freeze = 'encoder' with encoder_weights = none: ")
    assert not advice(CONFIG)


class Meddling(Callback):
    """A program that trains otherwise than its configuration says."""

    def __init__(self, part: str) -> None:
        self.part = part

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        groups = trainer.optimizers[0].param_groups
        if self.part == "norms train":
            pl_module.model.train()
        elif self.part == "one more weight":
            next(pl_module.model.encoder.parameters()).requires_grad_(False)
        elif self.part == "rate":
            groups[1]["initial_lr"] *= 2
        elif self.part == "decay":
            groups[1]["weight_decay"] = 0.0
        else:
            groups[0]["params"] += groups.pop()["params"]


NORMS = {"freeze": "encoder_bn", "encoder_lr_factor": 0.3}
MEDDLING = [
    ("norms train", NORMS, "freeze = 'encoder_bn', but .* use 'a part of the encoder'"),
    ("one more weight", {}, "freeze = 'none', but .* would use 'a part of the encoder'"),
    ("rate", NORMS, r"encoder_lr_factor = 0\.3, but the run would use 0\.6"),
    ("decay", NORMS, r"weight_decay = 0\.1, but the run would use \[0\.0, 0\.1\]"),
    ("one group", NORMS, r"encoder_lr_factor = 0\.3, but the run would use 1\.0"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("part", "keys", "message"), MEDDLING)
def test_a_record_cannot_state_a_freeze_or_a_factor_that_was_not_used(
    part: str, keys: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fit(CONFIG.changed(**keys), Meddling(part))


@pytest.mark.filterwarnings("ignore")
def test_a_factor_is_compared_without_rounding() -> None:
    assert 0.05 * 0.1 / 0.05 != 0.1
    fit(CONFIG.changed(lr=0.05, encoder_lr_factor=0.1, max_steps=1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"freeze": "decoder"}, "freeze = 'decoder': Input should be 'none', 'encoder_bn'"),
        ({"freeze": None}, "freeze = None: Input should be 'none'"),
        ({"encoder_lr_factor": 0}, "encoder_lr_factor = 0: Input should be greater than 0"),
        ({"encoder_lr_factor": 101}, "less than or equal to 100"),
        (
            {"encoder_lr_factor": "0.1"},
            "encoder_lr_factor = '0.1': Input should be a valid",
        ),
        (
            {"encoder_lr_factor": 0.1, "freeze": "encoder"},
            "encoder_lr_factor = 0.1: with freeze = 'encoder' there is nothing to train",
        ),
    ],
)
def test_other_values_are_refused_in_one_line(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        RunConfig.parse(values)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_encoder_without_batch_norms_has_none_to_freeze(tmp_path: Path) -> None:
    config = CONFIG.changed(encoder="mit_b0", freeze="encoder_bn", block="none")
    with pytest.raises(InputError, match="encoder 'mit_b0' has no batch norms"):
        train(config, tmp_path, EXECUTION)


STUDY = """
name: frozen
method: grid
parameters:
  encoder: {values: [tu-test_resnet, ENCODER]}
  freeze: {values: [none, encoder_bn]}
"""


def test_the_check_of_a_study_looks_at_the_norms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It warns of random encoders that are frozen, and refuses those without norms."""
    file = tmp_path / "frozen.yaml"
    file.write_text(STUDY.replace("ENCODER", "resnet18"))
    assert main(["sweep", str(file), "--check"]) == 0
    [warning] = [x for x in capsys.readouterr().out.splitlines() if "warning" in x]
    assert warning.startswith("warning: freeze = 'encoder_bn' with encoder_weights = none")
    assert warning.endswith("(cells: 2)")
    file.write_text(STUDY.replace("ENCODER", "mit_b0"))
    assert main(["sweep", str(file), "--check"]) == 2
    assert "encoder 'mit_b0' has no batch norms" in capsys.readouterr().err


def test_training_warns_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = CONFIG.changed(freeze="encoder", max_steps=1).without_derived().overrides()
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(keys))
    flags = ["--runs", str(tmp_path), "--config", str(tmp_path / "run.yaml")]
    assert main(["train", *flags]) == 0
    assert "ablate: freeze = 'encoder' with encoder_weights" in capsys.readouterr().err
