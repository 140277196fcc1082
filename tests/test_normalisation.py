"""Images are scaled as an encoder's weights expect, according to timm and smp."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from timm.data.config import resolve_model_data_config
from torch import Tensor
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask

from ablations.errors import InputError
from ablations.normalisation import IMAGENET, normalisation
from ablations.run_config import RunConfig
from lightning_modules.data import create_data
from lightning_modules.data.segmentation_data import PreparedImages
from lightning_modules.data.voc2012 import open_split
from tests.fake_data import fake_voc


@pytest.mark.parametrize(
    "name",
    [
        "resnet18",
        "resnet18.a1_in1k",
        "tf_efficientnet_lite0",
        "efficientnet_b0",
        "mobilenetv3_large_100",
        "test_resnet",
        "convnext_tiny.fb_in22k",
        "vit_base_patch16_clip_224.openai",
        "darknet53",
        "mobilevit_s",
        "regnety_016.tv2_in1k",
    ],
)
def test_timm_names_are_normalised_as_the_network_itself_says(name: str) -> None:
    with torch.device("meta"):
        network = timm.create_model(name)
    settings = resolve_model_data_config(network)  # type: ignore[no-untyped-call]
    scaling = normalisation(f"tu-{name}", "imagenet")
    assert scaling == (settings["mean"], settings["std"], False)


def test_known_weights_differ() -> None:
    half = (0.5, 0.5, 0.5)
    assert normalisation("tu-tf_efficientnet_lite0", "imagenet") == (half, half, False)
    assert normalisation("tu-resnet18", "imagenet") == IMAGENET


@pytest.mark.parametrize("encoder", ["tu-tf_efficientnet_lite0", "xception", "resnet18"])
def test_random_weights_get_imagenets(encoder: str) -> None:
    """No hub is contacted."""
    assert normalisation(encoder, None) == IMAGENET


SETTINGS: list[dict[str, Any]] = [
    {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    {"mean": [0.5, 0.4, 0.3], "std": [0.5, 0.6, 0.7], "input_range": [0, 1]},
    {"mean": [104, 117, 123], "std": [1, 2, 3], "input_range": [0, 255]},
    {
        "mean": [104, 117, 123],
        "std": [57.1, 57.4, 58.4],
        "input_range": [0, 255],
        "input_space": "BGR",
    },
    {"mean": [0.1, 0.2, 0.3], "std": [1, 2, 3], "input_space": "BGR"},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_smps_encoders_get_what_smps_own_function_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(settings))
    monkeypatch.setattr(
        smp.encoders, "hf_hub_download", lambda *args, **options: tmp_path / "config.json"
    )
    pixels = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (3, 5, 7), dtype=np.uint8)
    )
    split = [(Image(pixels), Mask(torch.zeros(5, 7, dtype=torch.uint8)))]
    scaling = normalisation("resnet18", "imagenet")
    images, _ = PreparedImages(split, v2.Identity(), scaling)[0]  # type: ignore[arg-type]
    reference = smp.encoders.get_preprocessing_fn("resnet18", "imagenet")
    expected = torch.from_numpy(reference(pixels.permute(1, 2, 0).numpy()))  # (H, W, 3)
    torch.testing.assert_close(images, expected.permute(2, 0, 1).float())


def test_what_is_not_known_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*args: object, **options: object) -> None:
        raise OSError("no network\nat all")

    monkeypatch.setattr(smp.encoders, "hf_hub_download", no_network)
    with pytest.raises(InputError, match=r"'resnet18', weights 'ssl': .*\(no network\)$"):
        normalisation("resnet18", "ssl")
    with pytest.raises(InputError, match=r"'tu-resnet18\.nonsense', weights 'x': the no"):
        normalisation("tu-resnet18.nonsense", "x")


@pytest.mark.parametrize(
    ("weights", "fill"), [(None, [124, 116, 104]), ("imagenet", [128, 128, 128])]
)
def test_batches_and_what_pads_them_follow_the_weights(
    tmp_path: Path, weights: str | None, fill: list[int]
) -> None:
    fake_voc(tmp_path)
    config = RunConfig(
        dataset="voc2012",
        encoder="tu-tf_efficientnet_lite0",
        encoder_weights=weights,
        image_size=64,
        batch_size=8,
        max_steps=1,
        augment=True,
    )
    data = create_data(config, tmp_path)
    mean, std, _ = data.normalisation
    images, labels = next(iter(data.train_dataloader()))
    shift, scale = (torch.tensor(values)[:, None, None] for values in (mean, std))
    stored = (images * scale + shift) * 255
    padded = (stored - torch.tensor(fill)[:, None, None]).abs().amax(1) < 0.01
    assert padded.any()
    assert (labels[padded] != 255).sum() <= 3  # noise that has this colour by chance
    assert images.movedim(1, -1)[padded].abs().max() < 1 / 255 / min(std)
    raw = open_split("val", 64, tmp_path)[0][0].as_subclass(Tensor)
    small = PreparedImages(
        open_split("val", 64, tmp_path), v2.Identity(), data.normalisation
    )
    torch.testing.assert_close(small[0][0], (raw / 255 - shift) / scale)
