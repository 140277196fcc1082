"""Blocks land where a placement says, and change nothing else in the model."""

import copy

import pytest
import torch
from torch import nn

from ablations.attention.base import EVALUATIONS
from ablations.bare_models import BareModel, create_bare
from ablations.blocks import find_block, set_evaluation
from ablations.complexity import measure, meta_macs
from ablations.complexity.conventions import CONVENTIONS
from ablations.complexity.site_costs import site_costs
from ablations.complexity.subjects import Setting, counts_of_models
from ablations.encoders import SMP_MODELS
from ablations.errors import InputError
from ablations.models import check_size, create_model, place
from reports.cost_tables import cost_table, site_table, with_added

ENCODERS = [
    "resnet18",
    "resnext50_32x4d",
    "tu-resnet18",
    "tu-test_resnet",
    "tu-hrnet_w18_small",
]
PLACEMENTS = ["residual", "stages", "last_feature", "decoder", "logits"]  # for any model

COMBINATIONS = [
    (model, encoder)
    for model in SMP_MODELS
    for encoder in ENCODERS
    if "hrnet" not in encoder or model in {"unet", "segformer"}
]


@pytest.mark.parametrize(("model", "encoder"), COMBINATIONS)
def test_every_model_and_encoder_takes_every_placement(model: str, encoder: str) -> None:
    with torch.device("meta"):
        bare, images = create_bare(model, encoder, 8).eval(), torch.empty(2, 3, 128, 128)
        for placement in PLACEMENTS:
            network = copy.deepcopy(bare)
            blocks = place(network, "se(ratio=4)", placement, "direct")
            assert network(images).shape == (2, 8, 128, 128)
            assert paths(network) == sorted(block.path for block in blocks) != []


def paths(network: nn.Module) -> list[str]:
    kind = type(find_block("se(ratio=4)").build(16))
    return sorted(path for path, part in network.named_modules() if isinstance(part, kind))


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        ("resnet18", [("layer1.0.conv2", 64, 4), ("layer4.1.conv2", 512, 32), 8]),
        ("resnet50", [("layer1.0.conv3", 64, 4), ("layer4.2.conv3", 512, 32), 16]),
        ("resnext50_32x4d", [("layer1.0.conv3", 128, 4), ("layer4.2.conv3", 1024, 32), 16]),
        (
            "tu-resnet18",
            [("model.layer1.0.conv2", 64, 4), ("model.layer4.1.conv2", 512, 32), 8],
        ),
    ],
)
def test_residual_lands_after_the_first_3x3(encoder: str, expected: list[object]) -> None:
    costs = site_costs(
        "se(ratio=4)",
        Setting(BareModel("unet", encoder, 21), "residual", (64, 64)),
        "direct",
    )
    rows = [
        (
            cost.path.removeprefix("encoder.").removesuffix(".attention"),
            cost.channels,
            cost.stride,
        )
        for cost in costs
    ]
    assert [rows[0], rows[-1], len(rows)] == expected


def test_residual_finds_every_block_of_an_hrnet() -> None:
    with torch.device("meta"):
        network = create_bare("unet", "tu-hrnet_w18_small", 2)
        blocks = [
            m
            for m in network.get_submodule("encoder").modules()
            if hasattr(m, "downsample")
        ]
        assert len(place(network, "se(ratio=4)", "residual", "direct")) == len(blocks) > 20


def test_stages_leave_the_image_alone() -> None:
    costs = site_costs(
        "se(ratio=4)",
        Setting(BareModel("unet", "resnet50", 21), "stages", (64, 64)),
        "direct",
    )
    assert [cost.channels for cost in costs] == [64, 256, 512, 1024, 2048]
    assert [cost.stride for cost in costs] == [2, 4, 8, 16, 32]
    [last] = site_costs(
        "se(ratio=4)",
        Setting(BareModel("unet", "resnet50", 21), "last_feature", (64, 64)),
        "direct",
    )
    assert last.channels == 2048


@pytest.mark.parametrize(
    ("model", "strides"),
    [("deeplabv3plus", [4, 16]), ("fpn", [4, 8, 16, 32]), ("pspnet", [8])],
)
def test_stages_are_those_that_the_decoder_reads(model: str, strides: list[int]) -> None:
    costs = site_costs(
        "se(ratio=4)",
        Setting(BareModel(model, "resnet18", 21), "stages", (64, 64)),
        "direct",
    )
    assert [cost.stride for cost in costs] == strides
    network = create_model(model, "resnet18", 3, "se(ratio=4)", "stages")
    network(torch.randn(2, 3, 64, 64)).sum().backward()
    blocks = [p for name, p in network.named_parameters() if "attention" in name]
    assert all(parameter.grad is not None for parameter in blocks)


def test_placing_leaves_mode_and_statistics_alone() -> None:
    network = create_bare("unet", "resnet18", 3)
    state = copy.deepcopy(network.state_dict())
    place(network, "se(ratio=4)", "stages", "direct")
    assert network.training
    assert all(torch.equal(state[key], network.state_dict()[key]) for key in state)


def test_logits_have_the_size_of_the_image_and_a_channel_per_class() -> None:
    costs = site_costs(
        "gc", Setting(BareModel("unet", "resnet18", 8), "logits", (64, 96)), "direct"
    )
    assert [(cost.channels, cost.stride) for cost in costs] == [(8, 1)]


def test_basic_blocks_leave_the_bottlenecks_of_an_hrnet_out() -> None:
    with torch.device("meta"):
        blocks = place(
            create_bare("unet", "tu-hrnet_w18_small", 2),
            "se(ratio=4)",
            "basic_blocks",
            "direct",
        )
    assert {block.path.split(".")[2] for block in blocks} == {
        "stage2", "stage3", "stage4"
    }  # fmt: skip


def test_a_mobilenet_takes_blocks_after_its_depthwise_convolutions() -> None:
    every = site_costs(
        "gc",
        Setting(BareModel("unet", "mobilenet_v2", 21), "depthwise", (64, 64)),
        "direct",
    )
    assert [cost.channels for cost in every][:3] == [32, 96, 144]
    assert [cost.stride for cost in every][:3] == [2, 4, 4]
    assert len(every) == 17
    two = site_costs(
        "gc",
        Setting(BareModel("unet", "mobilenet_v2", 21), "first_two_3x3", (64, 64)),
        "direct",
    )
    assert [cost.path for cost in two] == [
        "encoder.features.0.attention",
        "encoder.features.1.conv.0.attention",
    ]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_pretrained_keys_stay_loadable(placement: str) -> None:
    bare = create_bare("fpn", "resnet18", 4)
    placed = create_model("fpn", "resnet18", 4, "psa_parallel", placement)
    missing, unexpected = placed.load_state_dict(bare.state_dict(), strict=False)
    assert unexpected == []
    assert missing
    assert all("attention" in key.split(".") for key in missing)


def test_no_block_is_the_bare_model() -> None:
    torch.manual_seed(0)
    bare = create_bare("fpn", "resnet18", 3).eval()
    torch.manual_seed(0)
    none = create_model("fpn", "resnet18", 3, "none", "residual").eval()
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(bare(x), none(x))


def test_the_same_seed_gives_the_rest_of_the_network_the_same_weights() -> None:
    states = []
    for block in ("none", "psa_parallel"):
        torch.manual_seed(3)
        states.append(create_model("fpn", "resnet18", 3, block, "residual").state_dict())
    bare, placed = states
    assert all(torch.equal(bare[key], placed[key]) for key in bare)


class Zero(nn.Module):
    """A user's block that maps any input to zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[1] == self.channels
        return torch.zeros_like(x)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_blocks_are_really_called_also_in_a_copy(placement: str) -> None:
    network = create_model("unet", "resnet18", 3, f"{__name__}:Zero", placement).eval()
    bare = create_bare("unet", "resnet18", 3).eval()
    bare.load_state_dict(network.state_dict())
    x = torch.randn(2, 3, 64, 64)
    assert not torch.allclose(network(x), bare(x))
    assert torch.equal(copy.deepcopy(network)(x), network(x))


def test_what_the_head_receives_comes_from_the_block() -> None:
    network = create_model("unet", "resnet18", 3, f"{__name__}:Zero", "decoder").eval()
    head = network.get_submodule("segmentation_head.0")
    bias = head.get_parameter("bias")[:, None, None]
    assert torch.equal(network(torch.randn(1, 3, 64, 64))[0], bias.expand(3, 64, 64))


@pytest.mark.parametrize(
    ("model", "encoder", "placement", "message"),
    [
        ("unet", "mobilenet_v2", "residual", "residual needs BasicBlocks.*has none"),
        ("unet", "resnet50", "basic_blocks", "basic_blocks needs BasicBlocks.*has none"),
        ("unet", "resnet18", "depthwise", "depthwise needs .*has none"),
        ("unet", "resnet18", "first_two_3x3", "first_two_3x3 needs .*has none"),
        ("unet", "resnet18", "everywhere", "unknown placement"),
        ("unett", "resnet18", "residual", "did you mean 'unet'"),
        ("unet", "resnet19", "residual", "unknown encoder.*did you mean"),
        ("unet", "tu-resnet19", "residual", "unknown encoder"),
        ("dpt", "resnet18", "residual", "unknown model"),
    ],
)
def test_what_a_model_cannot_take_is_named(
    model: str, encoder: str, placement: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        create_model(model, encoder, 3, "se(ratio=4)", placement)


def test_a_size_that_does_not_fit_is_named() -> None:
    with pytest.raises(InputError, match="50x64 is not divisible by 32"):
        check_size(BareModel("unetplusplus", "resnet18", 2), (50, 64))
    check_size(BareModel("unetplusplus", "resnet18", 2), (64, 96))
    with pytest.raises(InputError, match="64x64 does not fit 'pan'"):
        check_size(BareModel("pan", "resnet18", 2), (64, 64))


# Costs add up.


@pytest.mark.parametrize("block", ["cbam", "da", "psa_parallel"])
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_model_costs_what_it_is_made_of(block: str, placement: str) -> None:
    """Costs are summed over parts; the whole, counted at once, costs the same."""
    size = (64, 96)
    setting = Setting(BareModel("unet", "resnet18", 16), placement, size)
    counts = counts_of_models([block], setting)
    table = with_added(cost_table(counts, CONVENTIONS["macs"]))
    bare, placed = table.to_dict("records")
    whole = create_model("unet", "resnet18", 16, block, placement)
    assert measure(whole, (1, 3, *size))[:2] == (placed["params"], placed["direct"])
    set_evaluation(whole, "fast")
    assert measure(whole, (1, 3, *size)).macs == placed["fast"]
    for evaluation in EVALUATIONS:
        parts = site_table(site_costs(block, setting, evaluation))
        added = placed[f"added_{evaluation}"]
        assert added == placed[evaluation] - bare[evaluation] == parts["macs"].sum()
        assert placed[f"added_{evaluation}_share"] == pytest.approx(
            added / bare[evaluation]
        )
        assert placed["added_params"] == parts["params"].sum()


@pytest.mark.parametrize("model", ["unet", "fpn", "deeplabv3plus", "segformer"])
def test_two_counters_agree_on_a_model(model: str) -> None:
    network = create_model(model, "resnet18", 3, "cbam", "residual")
    assert measure(network, (1, 3, 64, 64)).macs == meta_macs(network, (1, 3, 64, 64))
