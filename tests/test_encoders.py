"""Encoders of every kind work in every verb, at the sizes that they accept."""

from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

from ablations.bare_models import BareModel, create_bare
from ablations.cli import main
from ablations.complexity import measure
from ablations.complexity.subjects import ModelCounts, Setting
from ablations.encoders import check_encoder, check_weights
from ablations.errors import InputError
from ablations.models import Network, check_network, check_size, create_model, place

# Each with the reason why it is hard, and a size that it accepts.
HARD = [
    ("segformer", "mit_b0", 64),  # reads numbers from tensors when it is built
    pytest.param("fpn", "tu-edgenext_xx_small", 64, marks=pytest.mark.slow),
    ("unet", "tu-swin_tiny_patch4_window7_224", 224),  # accepts only one size
    pytest.param("fpn", "tu-efficientformer_l1", 224, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("model", "encoder", "side"), HARD)
def test_a_hard_encoder_is_checked_and_counted(model: str, encoder: str, side: int) -> None:
    size = (side, side)
    check_network(Network(BareModel(model, encoder, 3), None, "gc", "stages", size))
    setting = Setting(BareModel(model, encoder, 3), "stages", size)
    bare = ModelCounts("none", "fast", setting).macs
    placed = ModelCounts("gc", "fast", setting).macs
    assert bare is not None
    assert placed is not None
    assert placed > bare > 0
    whole = measure(create_model(model, encoder, 3, "gc", "stages", "fast"), (1, 3, *size))
    assert whole.macs == placed


def test_a_size_that_an_encoder_does_not_take_is_one_line() -> None:
    encoder = "tu-swin_tiny_patch4_window7_224"
    with pytest.raises(
        InputError, match="image size 256x256 does not fit 'unet'"
    ) as caught:
        check_size(BareModel("unet", encoder, 2), (256, 256))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", ["unetplusplus", "linknet"])
def test_what_smp_cannot_build_is_one_line(model: str) -> None:
    network = Network(BareModel(model, "mit_b0", 3), None, "se", "stages", (64, 64))
    with pytest.raises(InputError, match=f"{model!r} with encoder 'mit_b0' .* cannot be"):
        check_network(network)


def test_stages_are_found_with_other_channels_and_auxiliary_heads() -> None:
    network = smp.Unet(
        "resnet18",
        encoder_weights=None,
        in_channels=4,
        classes=2,
        aux_params={"classes": 3},
    ).eval()
    assert len(place(network, "se(ratio=4)", "stages", "direct")) == 5
    masks, labels = network(torch.zeros(2, 4, 64, 64))
    assert (masks.shape, labels.shape) == ((2, 2, 64, 64), (2, 3))


class Zero(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


def test_logits_are_weighed_beside_auxiliary_heads() -> None:
    network = smp.Unet("resnet18", encoder_weights=None, aux_params={"classes": 3}).eval()
    place(network, f"{__name__}:Zero", "logits", "direct")
    masks, labels = network(torch.randn(2, 3, 64, 64))
    assert masks.count_nonzero() == 0
    assert labels.count_nonzero() > 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tu-hf-hub:timm/resnet18.a1_in1k", "not a hub or a folder"),
        ("tu-local-dir:/tmp", "not a hub or a folder"),
        ("tu-resnet18.a1_in1", "did you mean 'tu-resnet18.a1_in1k'"),
        ("tu-", "unknown encoder 'tu-'.*known: tu-"),
        ("tu-zzzz", "unknown encoder 'tu-zzzz'.*known: tu-"),
    ],
)
def test_a_wrong_encoder_is_named_beside_known_ones(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_encoder(name)


def test_weights_are_checked_before_anything_is_fetched() -> None:
    check_weights("resnet18", "ssl")
    check_weights("tu-resnet18", "imagenet")
    check_weights("tu-test_nothing", None)
    for encoder, weights in [("resnet18", "imagenett"), ("tu-resnet18", "imagenett")]:
        with pytest.raises(InputError, match=rf"{encoder}.*known: imagenet.*none"):
            check_weights(encoder, weights)


def test_weights_out_of_reach_are_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import ablations.bare_models as bare_models

    monkeypatch.setattr(bare_models, "try_to_load_from_cache", lambda *a, **k: None)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    for encoder in ("resnet18", "tu-resnet18"):
        with pytest.raises(InputError, match=r"not on this machine, .* cannot be reached"):
            create_bare("fpn", encoder, 2, "imagenet")


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["mit_b0", "tu-convnext_atto"])
def test_a_transformer_and_its_like_are_trained(encoder: str, tmp_path: Path) -> None:
    few = ["--train-images", "4", "--val-images", "2", "--batch-size", "2"]
    size = ["--max-steps", "1", "--image-size", "64", "--accelerator", "cpu"]
    network = ["--model", "fpn", "--encoder", encoder, "--placement", "stages"]
    runs = ["--block", "gc", "--runs", str(tmp_path)]
    assert main(["train", *network, *few, *size, *runs]) == 0
    where = ["where", *network, "--block", "gc", "--size", "64"]
    assert main(where) == 0
