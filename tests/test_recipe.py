"""The keys of a recipe do what they say, and an interrupted run does the same."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor
from torch.nn import functional as F

from ablations.cli import main
from ablations.compiling import compile_in_place
from ablations.errors import InputError
from ablations.models import create_model
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules import training
from lightning_modules.accumulation import Part
from lightning_modules.best_weights import BestWeights, read_best
from lightning_modules.data import create_data
from lightning_modules.execution import Execution
from lightning_modules.machine import check_compiler
from lightning_modules.run import train
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.sweep_check import MatchesSweep
from lightning_modules.trainer import create_bare_trainer, quiet

# Without batch norm or dropout that is active: images do not influence each other.
CONFIG = RunConfig(
    block="se",
    placement="last_feature",
    model="fpn(decoder_dropout=0.0)",
    encoder="tu-test_resnet",
    freeze="encoder_bn",
    image_size=32,
    train_images=12,
    val_images=5,
    batch_size=8,
    max_steps=5,
)
EXECUTION = Execution(accelerator="cpu", progress_bar=False)
EVERYTHING: dict[str, Any] = {
    "freeze": "none",
    "optimizer": "sgd",
    "lr": 3.0,
    "lr_floor": 0.01,
    "warmup_steps": 2,
    "momentum": 0.5,
    "accumulate": 2,
    "clip_gradient": 1.0,
    "ema": 0.5,
    "auxiliary_loss": 0.4,
    "loss": "ohem+dice",
    "select": "best",
    "score_on": "test",
    "validations": 5,
}
States = dict[str, Tensor]


class StopError(RuntimeError):
    pass


class Stop:
    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self, step: int, loss: float) -> None:
        if step == self.step:
            raise StopError


def comparable(record: RunRecord) -> dict[str, object]:
    times = {"train_seconds", "compute_seconds", "data_seconds", "validation_seconds"}
    return record.model_dump(exclude={*times, "failures"})


def losses(record: RunRecord) -> list[float]:
    return [point["train_loss"] for point in record.curve if "train_loss" in point]


class EveryStep(Callback):
    """The weights after every step."""

    def __init__(self) -> None:
        self.after: list[States] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *rest: object) -> None:
        self.after.append(copied(pl_module))


def copied(module: torch.nn.Module) -> States:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def fit(config: RunConfig, tmp_path: Path) -> tuple[SegmentationModule, list[States]]:
    """A trained module, and its weights before and after every step."""
    torch.manual_seed(0)
    data = create_data(config)
    module = SegmentationModule(config, data.classes)
    states = EveryStep()
    states.after.append(copied(module))
    with quiet():
        trainer = create_bare_trainer(config, tmp_path / "best.ckpt")
        trainer.callbacks += [states, MatchesSweep()]  # type: ignore[attr-defined]
        trainer.fit(module, data)
    return module, states.after


def test_parts_of_a_batch_add_up_to_the_step_of_the_whole(tmp_path: Path) -> None:
    """Parts have different numbers of labelled pixels."""
    config = CONFIG.changed(optimizer="sgd", lr=0.1, max_steps=2)
    _, whole = fit(config, tmp_path)
    for parts in (2, 4):
        _, divided = fit(config.changed(accumulate=parts), tmp_path)
        for name, tensor in whole[2].items():
            assert torch.allclose(tensor, divided[2][name], atol=2e-6), name


def test_an_undivided_step_has_the_same_loss_in_16_bits_and_in_parts(
    tmp_path: Path,
) -> None:
    config = CONFIG.changed(max_steps=2)
    exact = train(config, tmp_path, EXECUTION)
    half = train(config.changed(precision="bf16-mixed"), tmp_path, EXECUTION)
    parts = config.changed(precision="bf16-mixed", accumulate=4)
    assert losses(half) == pytest.approx(losses(exact), rel=0.05)
    assert losses(half) != losses(exact)
    assert losses(train(parts, tmp_path, EXECUTION)) == pytest.approx(
        losses(half), rel=0.05
    )


def test_a_clipped_step_of_sgd_is_as_long_as_its_learning_rate_says(
    tmp_path: Path,
) -> None:
    sgd = {"optimizer": "sgd", "lr": 0.25, "momentum": 0.0, "weight_decay": 0.0}
    module, states = fit(CONFIG.changed(**sgd, clip_gradient=0.01, max_steps=1), tmp_path)
    names = [name for name, each in module.named_parameters() if each.requires_grad]
    square = sum((states[1][name] - states[0][name]).square().sum() for name in names)
    assert float(square) ** 0.5 == pytest.approx(0.25 * 0.01, rel=1e-3)


def test_a_step_of_sgd_keeps_the_momentum_of_the_last_one(tmp_path: Path) -> None:
    """Warm-up is at 0, 0.1 and 0.2 here: the first step moves nothing."""
    keys = {"optimizer": "sgd", "lr": 0.3, "warmup_steps": 3, "weight_decay": 0.0}
    gradients: list[States] = []

    class Gradients(Callback):
        def on_before_optimizer_step(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            parts = pl_module.named_parameters()
            gradients.append({n: p.grad.clone() for n, p in parts if p.grad is not None})

    config = CONFIG.changed(**keys, momentum=0.6, max_steps=4)
    torch.manual_seed(0)
    module, states = SegmentationModule(config, create_data(config).classes), EveryStep()
    before = copied(module)
    with quiet():
        trainer = create_bare_trainer(config, tmp_path / "best.ckpt")
        trainer.callbacks += [states, Gradients()]  # type: ignore[attr-defined]
        trainer.fit(module, create_data(config))
    for name, first in gradients[0].items():
        assert torch.equal(states.after[0][name], before[name])
        expected = before[name] - 0.1 * (0.6 * first + gradients[1][name])
        assert torch.allclose(states.after[1][name], expected, atol=1e-6)


def test_the_average_is_that_of_the_weights_after_every_step(tmp_path: Path) -> None:
    module, states = fit(CONFIG.changed(ema=0.7, freeze="none"), tmp_path)
    _, without = fit(CONFIG.changed(freeze="none"), tmp_path)
    average = states[1]
    for state in states[2:]:
        average = {
            name: 0.7 * average[name] + 0.3 * tensor
            for name, tensor in state.items()
            if tensor.is_floating_point()
        }
    for name, expected in average.items():
        assert torch.allclose(module.state_dict()[name], expected, atol=1e-6), name
        assert torch.equal(states[-1][name], without[-1][name])  # the training is the same
    assert any("running_var" in name for name in average)


def test_validations_score_the_average(tmp_path: Path) -> None:
    config = CONFIG.changed(ema=0.7)
    record = train(config, tmp_path, EXECUTION)
    module, _ = fit(config, tmp_path)
    total, count = 0.0, 0
    with torch.no_grad():
        for images, labels in create_data(config).val_dataloader():
            logits = module.eval()(images)
            total += F.cross_entropy(
                logits, labels, ignore_index=255, reduction="sum"
            ).item()
            count += int((labels != 255).sum())
    assert record.val_loss == pytest.approx(total / count, rel=1e-6)
    assert losses(record) == losses(train(CONFIG, tmp_path, EXECUTION))


def curve_of(record: RunRecord) -> dict[float, float]:
    return {
        point["step"]: point["val_miou"] for point in record.curve if "val_miou" in point
    }


@pytest.mark.slow
def test_validations_are_evenly_spaced_and_the_last_is_at_the_end(tmp_path: Path) -> None:
    for number, steps in ((1, {5}), (2, {3, 5}), (3, {2, 4, 5}), (9, {1, 2, 3, 4, 5})):
        record = train(CONFIG.changed(validations=number), tmp_path, EXECUTION)
        assert set(curve_of(record)) == steps


SIMPLER = {"score_on": "val", "loss": "cross_entropy", "auxiliary_loss": 0.0}
BEST = CONFIG.changed(**EVERYTHING | SIMPLER)


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return train(BEST, tmp_path_factory.mktemp("runs"), EXECUTION)


def test_the_best_validation_is_scored_and_its_step_stated(
    best: RunRecord, tmp_path: Path
) -> None:
    last = train(BEST.changed(select="last"), tmp_path, EXECUTION)
    curve = curve_of(best)
    assert best.curve == last.curve
    assert last.step is None
    assert best.step == max(curve, key=curve.__getitem__)
    assert best.step < 5  # or the test shows nothing
    assert best.miou == curve[best.step] > last.miou
    assert best.val_loss != last.val_loss


def test_the_first_of_equals_is_the_best(tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    module = SimpleNamespace(model=torch.nn.Linear(2, 3), scores={})
    callback = BestWeights(path)
    for step, miou in ((2, 0.2), (4, 0.5), (6, 0.5), (8, 0.3), (8, 0.9)):
        torch.nn.init.constant_(module.model.weight, step)
        module.scores["val"] = SimpleNamespace(miou=miou)
        trainer: Any = SimpleNamespace(global_step=step, is_global_zero=True)
        callback.on_validation_end(trainer, module)
    found = read_best(path)
    assert (found.step, found.miou) == (4, 0.5)
    assert torch.equal(found.state["weight"], torch.full((3, 2), 4.0))


def test_a_file_without_the_best_weights_is_named(tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    for content in (b"", b"weights"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"best\.ckpt: no weights of a validation"):
            read_best(path)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return train(CONFIG.changed(**EVERYTHING), tmp_path_factory.mktemp("runs"), EXECUTION)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "step", [pytest.param(1, marks=SLOW), pytest.param(2, marks=SLOW), 4]
)
def test_an_interrupted_recipe_ends_like_an_uninterrupted_one(
    uninterrupted: RunRecord, tmp_path: Path, step: int
) -> None:
    config = CONFIG.changed(**EVERYTHING)
    folder = RunFolder(tmp_path, config)
    assert uninterrupted.step is not None
    assert uninterrupted.step < 4  # before the last interruption
    with pytest.raises(StopError):
        train(config, tmp_path, EXECUTION, Stop(step))
    state = torch.load(folder.checkpoint, weights_only=True)["state_dict"]
    assert any(name.startswith("auxiliary.") for name in state)
    assert not any(name.startswith("auxiliary") for name in read_best(folder.best).state)
    record = train(config, tmp_path, EXECUTION)
    assert comparable(record) == comparable(uninterrupted)
    assert not folder.best.exists()
    assert not folder.checkpoint.exists()


@SLOW
def test_a_run_that_ends_between_training_and_record_scores_the_same_weights(
    uninterrupted: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = CONFIG.changed(**EVERYTHING)
    saving = EXECUTION.model_copy(update={"checkpoint_every": 0.0})

    def stop(*arguments: object) -> None:
        raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(training, "score_network", stop)
        with pytest.raises(StopError):
            train(config, tmp_path, saving)
    steps: list[int] = []
    record = train(config, tmp_path, EXECUTION, lambda step, loss: steps.append(step))
    assert steps == []
    assert comparable(record) == comparable(uninterrupted)


def test_the_auxiliary_loss_is_that_of_a_head_on_the_last_feature_but_one() -> None:
    torch.manual_seed(0)
    config = CONFIG.changed(auxiliary_loss=0.4, placement="stages@4")
    module: Any = SegmentationModule(config, create_data(config).classes).train()
    images, labels = torch.randn(3, 3, 64, 96), torch.randint(11, (3, 64, 96))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        found = module.loss_of_part(Part(images, labels, 1.0))
    feature = module.model.encoder(images)[-2]  # with its block
    module.auxiliary.feature = None
    assert feature.shape[2:] == (4, 6)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        logits = module.auxiliary.head(feature)
    wide = F.interpolate(logits, (64, 96), mode="bilinear", align_corners=False)
    main_loss = F.cross_entropy(module.model(images), labels)
    expected = main_loss + 0.4 * F.cross_entropy(wide, labels)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    channels = module.model.encoder.out_channels[-2]
    assert logits.shape[1] == 11
    assert module.auxiliary.head[0].weight.shape == (channels // 4, channels, 3, 3)


def test_an_auxiliary_head_costs_nothing_and_predicts_nothing(tmp_path: Path) -> None:
    helped = train(CONFIG.changed(auxiliary_loss=0.4), tmp_path, EXECUTION)
    alone = train(CONFIG, tmp_path, EXECUTION)
    assert (helped.params, helped.macs) == (alone.params, alone.macs)
    assert losses(helped) > losses(alone)
    module, _ = fit(CONFIG.changed(auxiliary_loss=0.4, max_steps=1), tmp_path)
    assert module.auxiliary is not None
    module.eval()(torch.randn(1, 3, 32, 32))
    assert module.auxiliary.feature is None


def test_an_encoder_without_a_feature_for_the_head_is_named() -> None:
    shallow = "linknet(encoder_depth=1)"
    config = CONFIG.changed(model=shallow, auxiliary_loss=0.4)
    with pytest.raises(InputError, match="has no last feature but one to put a head on"):
        SegmentationModule(config, create_data(config).classes)


def test_channels_last_gives_the_same_result(tmp_path: Path) -> None:
    usual, last = (
        train(CONFIG.changed(channels_last=value), tmp_path, EXECUTION)
        for value in (False, True)
    )
    assert losses(last) == pytest.approx(losses(usual), rel=1e-3)
    assert last.macs == usual.macs
    module = SegmentationModule(CONFIG.changed(channels_last=True), ("a", "b"))
    wide = [each for each in module.model.parameters() if each.ndim == 4]
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in wide)


def test_a_second_compiled_network_keeps_its_own_blocks() -> None:
    """Blocks are put in by hooks; torch once ran the second network as the first."""
    images = torch.randn(2, 3, 32, 32)
    for block in ("none", "se"):
        network = create_model("unet", "resnet18", 3, block, "residual").eval()
        expected = network(images)
        compile_in_place(network, backend="eager")
        torch.testing.assert_close(network(images), expected)


@pytest.mark.slow
def test_a_compiled_network_gives_the_same_result(tmp_path: Path) -> None:
    keys = {"auxiliary_loss": 0.4, "ema": 0.5, "select": "best"}
    usual, compiled = (
        train(CONFIG.changed(**keys, compile=value), tmp_path, EXECUTION)
        for value in (False, True)
    )
    assert losses(compiled) == pytest.approx(losses(usual), rel=1e-3)
    assert (compiled.params, compiled.macs) == (usual.params, usual.macs)


def test_a_missing_compiler_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    flags = ["--compile", "--accelerator", "cpu", "--runs", str(tmp_path / "runs")]
    assert main(["train", *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ablate: compile = True: torch.compile needs a C++ compiler")
    assert error.count("\n") == 1
    check_compiler(False, "cpu")


def test_other_validations_would_select_other_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--select", "best", "--val-every", "3", "--runs", str(tmp_path / "runs")]
    assert main(["train", *flags]) == 2
    assert "val_every = 3: with select = 'best' the validations decide the result" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"momentum": 0.8}, r"momentum = 0\.8: adamw does not use it; write 0\.9, or opt"),
        ({"lr": 0.1, "lr_floor": 0.1}, r"lr_floor = 0\.1: it must be below lr = 0\.1"),
        (
            {"max_steps": 9, "warmup_steps": 9},
            "warmup_steps = 9: it must be below max_steps",
        ),
        ({"batch_size": 6, "accumulate": 4}, "accumulate = 4: batch_size = 6 cannot be"),
        ({"batch_size": 4, "accumulate": 4}, "equal parts of at least two images"),
        ({"loss": "dice", "label_smoothing": 0.1}, "only cross_entropy has it, but loss ="),
        ({"select": "best", "validations": 1}, "leaves nothing to select from; write last"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(
    keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        RunConfig.parse(keys)
    assert "\n" not in str(error.value)


def test_a_sum_with_cross_entropy_may_be_smooth() -> None:
    assert RunConfig(loss="dice+cross_entropy", label_smoothing=0.1).label_smoothing == 0.1
