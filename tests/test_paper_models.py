"""The PSA paper's networks, rebuilt: every count equals an independent one."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from ablations.bare_models import BareModel, create_bare
from ablations.complexity.conventions import CONVENTIONS
from ablations.complexity.subjects import ModelCounts, Setting
from ablations.errors import InputError
from ablations.models import create_model

# On one worker, where counts are cached.
pytestmark = pytest.mark.xdist_group("paper")

Row = dict[str, str]

COUNTS = Path(__file__).parent / "golden" / "computed_counts.csv"
BLOCKS = {"none": "none", "PSA_p": "psa_parallel_code", "PSA_s": "psa_sequential_code"}
ROUNDED = {
    "PSA_p": "ablations.paper_models.rounded_psa:RoundedParallelPSA",
    "PSA_s": "ablations.paper_models.rounded_psa:RoundedSequentialPSA",
}
MODELS = {
    "Simple-Baseline ResNet-50": ("paper_simple_baseline_heatmaps", "resnet50"),
    "Simple-Baseline ResNet-101": ("paper_simple_baseline_heatmaps", "resnet101"),
    "Simple-Baseline ResNet-152": ("paper_simple_baseline_heatmaps", "resnet152"),
    "HRNet-W32 pose": ("paper_hrnet_pose_heatmaps", "tu-hrnet_w32"),
    "HRNet-W48 pose": ("paper_hrnet_pose_heatmaps", "tu-hrnet_w48"),
    "DeepLabV3+ ResNet-50 OS16": ("paper_deeplabv3plus", "resnet50"),
    "DeepLabV3+ ResNet-101 OS16": ("paper_deeplabv3plus", "resnet101"),
    "DeepLabV3+ MobileNetV2 OS16": ("paper_deeplabv3plus", "mobilenet_v2"),
}
PLACEMENTS = {
    "": "residual",
    "after conv2-bn2-relu of every Bottleneck": "residual",
    "after conv1-bn1-relu of every BasicBlock": "basic_blocks",
    "every BasicBlock and the 4 stage-1 Bottlenecks": "residual",
    "stem conv and first depthwise conv (width 32)": "first_two_3x3",
    "after every depthwise conv": "depthwise",
    "full-resolution logits (width 21)": "logits",
}


def rows() -> list[Row]:
    with COUNTS.open() as file:
        return list(csv.DictReader(file))


def setting(row: Row) -> Setting:
    return Setting(
        BareModel(*MODELS[row["model"]], 21 if row["table"] == "3" else 17),
        PLACEMENTS[row["placement"]],
        (int(row["input_h"]), int(row["input_w"])),
    )


def block(row: Row) -> str:
    """21 logits are not a multiple of the released code's divisor."""
    return (ROUNDED if "logits" in row["placement"] else BLOCKS)[row["block"]]


def name(row: Row) -> str:
    parts = (row["model"], row["block"], PLACEMENTS[row["placement"]], row["input_h"])
    return "-".join(parts).replace(" ", "_")


LARGE = ("HRNet", "ResNet-152")  # counting these takes a quarter of a minute each


def marked() -> list[Any]:
    """The rows, of which those of large networks are slow."""
    return [
        pytest.param(row, marks=pytest.mark.slow) if is_large(row) else row
        for row in rows()
    ]


def is_large(row: Row) -> bool:
    return any(part in row["model"] for part in LARGE)


@pytest.mark.parametrize("row", marked(), ids=name)
def test_every_count_equals_an_independent_one(row: Row) -> None:
    counts = ModelCounts(block(row), "direct", setting(row))
    convolutions, products = int(row["macs_conv_true"]), int(row["macs_matmul"])
    assert counts.params == int(row["params"])
    assert counts.layer_macs_at_output == int(row["macs_conv_at_output_res"])
    assert counts.layer_macs == convolutions
    assert counts.norm_elements == int(row["bn_elements"])
    assert counts.macs == counts.closed_form == convolutions + products
    assert counts.torch_flops == 2 * counts.macs
    assert counts.fvcore_total == int(row["fvcore_total"])
    if row["block"] != "none":
        assert len(setting(row).sites) == int(row["n_blocks"])
    convention = CONVENTIONS["thop" if row["table"] == "3" else "hrnet"]
    assert f"{convention.figure(counts):.4f}" == row["figure_under_convention"]


def test_parts_of_a_network_can_be_compared_under_any_convention() -> None:
    bare_model = BareModel("paper_deeplabv3plus", "resnet18", 21)
    setting = Setting(bare_model, "residual", (64, 64))
    for convention in CONVENTIONS.values():
        bare, placed = (
            int(convention.total(ModelCounts(block, "direct", setting)))
            for block in ("none", "psa_parallel_code")
        )
        assert 0 < bare < placed


@pytest.mark.parametrize(
    ("model", "encoder", "size"),
    [
        ("paper_deeplabv3plus", "resnet18", (65, 49)),
        ("paper_deeplabv3plus", "mobilenet_v2", (65, 49)),
        ("paper_simple_baseline", "resnet18", (64, 96)),
        ("paper_hrnet_pose", "tu-hrnet_w32", (64, 96)),
    ],
)
def test_they_train_like_any_other_model(
    model: str, encoder: str, size: tuple[int, int]
) -> None:
    network = create_model(model, encoder, 5, "se(ratio=4)", "last_feature")
    output = network(torch.randn(2, 3, *size))
    assert output.shape == (2, 5, *size)
    output.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("model", ["paper_deeplabv3plus", "paper_hrnet_pose"])
def test_an_encoder_that_they_do_not_take_is_named(model: str) -> None:
    with pytest.raises(InputError, match=f"{model} takes only the encoders"):
        create_bare(model, "efficientnet-b0", 5)


def test_the_dilation_starts_one_block_later_than_in_smp() -> None:
    layer4 = create_bare("paper_deeplabv3plus", "resnet50", 21).get_submodule(
        "encoder.layer4"
    )
    convolutions = [block.get_submodule("conv2") for block in layer4.children()]
    assert [convolution.dilation for convolution in convolutions] == [
        (1, 1),
        (2, 2),
        (2, 2),
    ]
