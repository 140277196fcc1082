"""A run's network is kept whole, is loaded as it was trained, or is refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from ablations import bare_models
from ablations.cli import main
from ablations.errors import InputError
from ablations.normalisation import IMAGENET, Normalisation
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules import training
from lightning_modules.best_weights import Best
from lightning_modules.execution import CELL, Execution, KeepWeights
from lightning_modules.run import train
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.weights import STATEMENT, load_model, load_run, write_weights

CLASSES = ("sky", "road", "car")
SMALL = RunConfig(
    model="linknet(encoder_depth=2)",
    encoder="tu-test_resnet",
    image_size=32,
    train_images=12,
    val_images=5,
    batch_size=4,
    max_steps=6,
)
EXECUTION = Execution(accelerator="cpu", progress_bar=False)
BLUE_FIRST = Normalisation((0.1, 0.2, 0.3), (0.5, 0.25, 0.125), reverse=True)


class Tied(nn.Module):
    """Two names of one weight."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 1)
        self.second = nn.Conv2d(channels, channels, 1)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.second(self.first(x))
        return mixed


class Diary(nn.Module):
    """Its state is not only tensors."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(x)
        return mixed

    def get_extra_state(self) -> object:
        return "today"

    def set_extra_state(self, state: object) -> None:
        pass


def trained(config: RunConfig) -> SegmentationModule:
    """A network whose every value differs from that of a new one, in eval mode."""
    module = SegmentationModule(config, CLASSES)
    side = config.image_size
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        module.model.eval()(torch.zeros(1, 3, side, side))
        for value in module.model.state_dict().values():
            change = torch.rand(value.shape, generator=draw)
            value.copy_(value + 1 if value.dtype == torch.long else value + 0.1 * change)
    return module


def kept(config: RunConfig, folder: Path) -> tuple[Path, SegmentationModule]:
    """The folder of a run that kept its network, and the network."""
    module, run = trained(config), RunFolder(folder, config)
    best = Best(6, 0.25, module.model.state_dict())
    write_weights(run.weights, config, CLASSES, BLUE_FIRST, "last", best)
    return run.path, module


def same_logits(one: nn.Module, other: nn.Module, side: int) -> bool:
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return torch.equal(one(images), other(images))


@pytest.mark.parametrize(
    "changes",
    [
        {"block": "none"},
        {"block": "se(ratio=4)", "placement": "residual@2+decoder"},
        {"block": "non_local", "placement": "stages"},
        {"block": "matched_params(psa_parallel)", "placement": "last_feature"},
        {"block": "matched_macs(ea(heads=2))", "placement": "residual"},
        {"block": "gc", "init": "identity", "freeze": "encoder"},
        {"block": "tests.test_own_blocks:Late", "placement": "last_feature"},
        {"block": "tests.test_own_blocks:Lazy", "placement": "decoder"},
        {"block": "tests.test_weights:Tied", "placement": "last_feature"},
        {"block": "psa_sequential", "evaluation": "direct", "model": "unet"},
        {"model": "paper_deeplabv3plus", "encoder": "resnet18", "block": "se"},
    ],
    ids=str,
)
def test_a_loaded_network_is_the_trained_one(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    config = SMALL.changed(**changes)
    path, module = kept(config, tmp_path)
    before = torch.random.get_rng_state()
    loaded = load_model(path)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not any(part.training for part in loaded.modules())
    assert same_logits(loaded, module.model, config.image_size)
    assert not same_logits(loaded, new(config), config.image_size)


def new(config: RunConfig) -> nn.Module:
    model = SegmentationModule(config, CLASSES).model
    return model.eval()


def test_pretrained_weights_are_not_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> bool:
        raise AssertionError("the network must not be asked for")

    config = SMALL.changed(encoder="resnet18")
    module, pretrained = trained(config), config.changed(encoder_weights="imagenet")
    path = RunFolder(tmp_path, pretrained).weights
    best = Best(6, 0.25, module.model.state_dict())
    write_weights(path, pretrained, CLASSES, BLUE_FIRST, "best", best)
    monkeypatch.setattr(bare_models, "is_downloaded", fail)
    monkeypatch.setattr(bare_models, "host_answers", fail)
    assert same_logits(load_model(path.parent), module.model, 32)


def test_a_loaded_run_says_what_it_is(tmp_path: Path) -> None:
    path, _ = kept(SMALL, tmp_path)
    run = load_run(RunFolder(tmp_path, SMALL))
    assert run[:4] == (SMALL, CLASSES, BLUE_FIRST, 6)
    assert [file.name for file in path.iterdir()] == ["weights.safetensors"]  # no partial


class Finished:
    """A real training, and its network and scores when it ended."""

    def __init__(self, config: RunConfig, folder: Path, keep: KeepWeights | None) -> None:
        self.folder = RunFolder(folder, config)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "record_of", self.record_of)
            execution = EXECUTION.model_copy(update={"keep_weights": keep, "val_every": 1})
            self.record = train(config, folder, execution)

    def record_of(self, finished: training.Training, *arguments: Any) -> RunRecord:
        self.model = finished.module.model.eval()
        return RECORD_OF(finished, *arguments)


RECORD_OF = training.record_of


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(SMALL, tmp_path_factory.mktemp("last"), "last")


def test_the_last_network_is_that_of_the_last_step(last: Finished) -> None:
    run = load_run(last.folder)
    assert (run.step, run.normalisation) == (6, IMAGENET)
    assert same_logits(run.model, last.model, 32)


def test_the_best_network_is_that_of_the_best_validation(
    last: Finished, tmp_path: Path
) -> None:
    # with this learning rate the best of six validations is not the last one
    best = Finished(SMALL.changed(lr=0.5), tmp_path, "best")
    points = {p["val_miou"]: p["step"] for p in best.record.curve[::-1] if "val_miou" in p}
    assert points[max(points)] < 6
    run = load_run(best.folder)
    assert run.step == points[max(points)]
    assert not same_logits(run.model, best.model, 32)
    assert not best.folder.best.exists()


@pytest.mark.parametrize("keep", ["none", None])
def test_nothing_is_kept_unless_asked_for(keep: KeepWeights | None, tmp_path: Path) -> None:
    folder = Finished(SMALL.changed(max_steps=1), tmp_path, keep).folder
    with pytest.raises(InputError, match=r"no weights\.safetensors in it; only a run that"):
        load_model(folder)
    with pytest.raises(InputError, match="no such folder of a run"):
        load_model(folder.path / "x")


def test_weights_do_not_change_the_record(last: Finished, tmp_path: Path) -> None:
    plain = Finished(SMALL, tmp_path, "none").record
    timed = {"train_seconds", "compute_seconds", "data_seconds", "validation_seconds"}
    assert plain.model_dump(exclude=timed) == last.record.model_dump(exclude=timed)


def test_state_that_is_no_tensor_stops_a_run_before_it_trains(tmp_path: Path) -> None:
    config = SMALL.changed(block="tests.test_weights:Diary", placement="last_feature")
    with pytest.raises(
        InputError, match=r"_extra_state is not a tensor, so weights cannot"
    ):
        Finished(config, tmp_path, "last")
    assert Finished(config, tmp_path, "none").record.miou >= 0


def rewritten(path: Path, **changes: object) -> None:
    """Change what a file says about itself."""
    with safetensors.safe_open(path, "pt") as file:
        statement = json.loads(file.metadata()[STATEMENT])
    state = safetensors.torch.load_file(path)
    metadata = {STATEMENT: json.dumps(statement | changes)}
    safetensors.torch.save_file(state, path, metadata)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    safetensors.torch.save_file({"weight": torch.ones(3)}, path)


def not_json(path: Path) -> None:
    safetensors.torch.save_file({"weight": torch.ones(3)}, path, {STATEMENT: "{"})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "damaged, or not a safetensors file"),
        (flip, "damaged: the values are not those that were written"),
        (empty, "damaged, or not a safetensors file"),
        (foreign, "not the weights of a run: its metadata lack attention-ablations"),
        (not_json, "the metadata attention-ablations are not JSON"),
        (lambda path: rewritten(path, format=2), "format 2 cannot be read; this version"),
        (lambda path: rewritten(path, step=-1), "step = -1"),
        (lambda path: rewritten(path, mean=[0.5]), "mean = "),
        (lambda path: rewritten(path, classes=["sky"]), "does not fit the network of its"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(
    damage: Any, message: str, tmp_path: Path
) -> None:
    path, _ = kept(SMALL, tmp_path)
    damage(path / "weights.safetensors")
    with pytest.raises(InputError, match=message) as caught:
        load_model(path)
    assert str(path / "weights.safetensors") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_block_that_was_edited_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    source = tmp_path / "own_block_of_weights.py"
    source.write_text(
        "from torch.nn import Conv2d\ndef Mix(c):\n    return Conv2d(c, c, 1)\n"
    )
    config = SMALL.changed(block="own_block_of_weights:Mix", placement="last_feature")
    path, module = kept(config, tmp_path / "runs")
    assert same_logits(load_model(path), module.model, 32)
    source.write_text(
        "from torch.nn import Conv2d\ndef Mix(c):\n    return Conv2d(c, c, 3)\n"
    )
    with pytest.raises(
        InputError, match="own_block_of_weights:Mix has changed, its source"
    ):
        load_model(path)


COMMAND = [
    "train", "--model", SMALL.model, "--encoder", SMALL.encoder, "--image-size", "32",
    "--train-images", "4", "--val-images", "2", "--batch-size", "4", "--max-steps", "1",
    "--accelerator", "cpu",
]  # fmt: skip


def test_the_command_keeps_the_best_network_and_says_if_a_finished_run_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [*COMMAND, "--runs", str(tmp_path)]
    assert main([*command, "--keep-weights", "none"]) == 0
    assert "keeping weights" not in capsys.readouterr().err
    assert main(command) == 0
    [line] = capsys.readouterr().err.splitlines()
    assert "the run finished without keeping weights" in line
    assert list(tmp_path.rglob("*.safetensors")) == []
    assert main([*command, "--study", "again"]) == 0
    [weights] = tmp_path.rglob("*.safetensors")
    assert load_run(weights.parent).step == 1


def test_a_sweep_that_calls_the_command_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = tmp_path / "cell.yaml"
    cell.write_text("max_steps:\n  value: 1\n")
    monkeypatch.setenv(CELL, str(cell))
    assert main([*COMMAND, "--runs", str(tmp_path)]) == 0
    assert list(tmp_path.rglob("*.safetensors")) == []


@pytest.mark.parametrize(
    ("first", "then", "notes"),
    [("best", "none", 0), ("best", "last", 0), ("last", "best", 1)],
)
def test_a_resumed_run_may_keep_something_else(
    tmp_path: Path, first: KeepWeights, then: KeepWeights, notes: int
) -> None:
    """The best validation is the first one."""

    def stop(step: int, loss: float) -> None:
        if step == 3:
            raise RuntimeError("power")

    config = SMALL.changed(lr=1.0)
    execution = EXECUTION.model_copy(update={"keep_weights": first, "val_every": 1})
    with pytest.raises(RuntimeError, match="power"):
        train(config, tmp_path, execution, stop)
    resumed = Finished(config, tmp_path, then)
    points = {
        p["val_miou"]: p["step"] for p in resumed.record.curve[::-1] if "val_miou" in p
    }
    assert points[max(points)] < 3
    assert len(resumed.record.notes) == notes
    assert all(
        "an earlier session did not keep the best" in note for note in resumed.record.notes
    )
    assert resumed.folder.weights.exists() == (then != "none")
