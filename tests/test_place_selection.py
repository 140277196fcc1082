"""A placement's text selects places: by stage, every second one, sums; a user's own too."""

import copy
import pickle
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn

from ablations.bare_models import BareModel, create_bare
from ablations.catalogue import placements
from ablations.cli import main
from ablations.errors import InputError
from ablations.insertion import Place, after_features, after_module, before_convolution
from ablations.models import create_model
from ablations.place_notation import placement_spelling
from ablations.placements import PLACEMENTS, find_placement
from ablations.placing import find_places
from ablations.run_config import RunConfig
from ablations.sites import find_sites, site_stages
from ablations.sources import source_of

SIZE = (64, 96)


def paths(placement: str, model: str = "unet", encoder: str = "resnet18") -> list[str]:
    with torch.device("meta"):
        places = find_places(create_bare(model, encoder, 3), placement)
    return [each.path.removesuffix(".attention") for each in places]


# Stages.

LAYERS = {2: "layer1", 3: "layer2", 4: "layer3", 5: "layer4"}  # of a ResNet, by stage


@pytest.mark.parametrize(
    ("model", "encoder", "depths"),
    [
        ("unet", "resnet18", [2, 2, 2, 2]),
        ("fpn", "resnet50", [3, 4, 6, 3]),
        ("deeplabv3plus", "resnet50", [3, 4, 6, 3]),  # dilated
        ("pspnet", "resnet18", [2, 2]),  # reads feature 3, and has no later ones
        ("unet", "tu-resnet18", [2, 2, 2, 2]),
        ("deeplabv3", "tu-resnet18", [2, 2, 2, 2]),  # dilated
    ],
)
def test_a_residual_block_is_in_the_stage_of_its_layer(
    model: str, encoder: str, depths: list[int]
) -> None:
    stages = site_stages(BareModel(model, encoder, 3), "residual")
    assert [number for _, number in sorted(Counter(stages.values()).items())] == depths
    assert all(f".{LAYERS[stage]}." in path for path, stage in stages.items())


def test_the_stage_of_a_feature_is_its_index() -> None:
    stages = site_stages(BareModel("unet", "mobilenet_v2", 3), "stages")
    assert stages == {f"encoder.attention.{index}": index for index in range(1, 6)}


def test_blocks_of_an_hrnet_are_in_the_stage_of_the_first_feature_that_they_reach() -> None:
    """Its branches are fused again and again, so all but the last reach feature 2."""
    stages = site_stages(BareModel("unet", "tu-hrnet_w18_small", 3), "residual")
    by_part = {stage: {path.split(".")[2] for path in stages if stages[path] == stage}
               for stage in sorted(set(stages.values()))}  # fmt: skip
    assert by_part.keys() == {2, 3, 4, 5}
    assert {"stage2", "stage3", "stage4"} <= by_part[2]
    assert by_part[3] == by_part[4] == by_part[5] == {"incre_modules"}


def test_places_outside_the_encoder_have_no_stage() -> None:
    assert site_stages(BareModel("unet", "resnet18", 3), "decoder+logits") == {}


# Selections.


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("residual@3", ["layer2.0", "layer2.1"]),
        ("residual@4-5", ["layer3.0", "layer3.1", "layer4.0", "layer4.1"]),
        ("residual@every3", ["layer1.0", "layer2.1", "layer4.0"]),
        ("residual@every8", ["layer1.0"]),
        ("residual@2+residual@5", ["layer1.0", "layer1.1", "layer4.0", "layer4.1"]),
        ("residual@5-9", ["layer4.0", "layer4.1"]),
    ],
)
def test_a_selection_is_of_these_blocks(placement: str, expected: list[str]) -> None:
    assert paths(placement) == [f"encoder.{path}.conv2" for path in expected]


def test_a_sum_has_the_places_of_all_terms_in_their_order() -> None:
    assert paths("logits+stages@4-5+decoder") == [
        "encoder.attention.4",
        "encoder.attention.5",
        "segmentation_head.0",
        "attention",
    ]
    assert paths("stages@3+last_feature") == ["encoder.attention.3", "encoder.attention.5"]


def test_every_second_feature_begins_with_the_first() -> None:
    assert paths("stages@every2") == [f"encoder.attention.{index}" for index in (1, 3, 5)]


@pytest.mark.parametrize(
    ("placement", "message"),
    [
        ("stages@4", r"no place of stages is in stage 4 \(it has places in: 2, 5\)"),
        ("residual@6-8", r"no place of residual is in stages 6-8 .*: 2, 3, 4, 5\)"),
        ("decoder@3", "decoder has no places in the encoder, so none in a stage"),
        (
            "residual+basic_blocks",
            r"encoder\.layer1\.0\.conv2\.attention would hold 2 blocks",
        ),
        ("residual@3+residual@3", "would hold 2 blocks"),
        ("stages+last_feature", r"encoder\.attention\.5 would hold 2 blocks"),
        ("residual+stagess", "unknown placement 'stagess'; did you mean 'stages'"),
        ("residual(depth=2)", "takes no options, so not depth = 2"),
        ("residual(se)", "'se' is not an option"),
    ],
)
def test_what_cannot_be_selected_is_one_line(placement: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        paths(placement, "deeplabv3plus")
    assert "\n" not in str(error.value)


# Spellings.


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("residual", "residual"),
        (" residual @ 3 - 3 ", "residual@3"),
        ("residual@03-004", "residual@3-4"),
        ("residual@every1", "residual"),
        ("decoder + stages@4-5", "stages@4-5+decoder"),
        ("residual@5+residual@4", "residual@4-5"),
        ("residual@2-3+residual@5", "residual@2-3+residual@5"),
        ("b:f+a:f(z=1,y='+@')@2+logits", "logits+a:f(y='+@', z=1)@2+b:f"),
        ("no_longer_there@3", "no_longer_there@3"),
    ],
)
def test_equal_placements_have_one_spelling(text: str, spelling: str) -> None:
    assert placement_spelling(text) == placement_spelling(spelling) == spelling
    written, usual = RunConfig.parse({"placement": text}), RunConfig(placement=spelling)
    assert written.run_id == usual.run_id


@pytest.mark.parametrize(
    "text",
    ["", "+", "residual+", "@3", "residual@", "residual@@3", "residual@3@4", "residual@-3",
     "residual@4-3", "residual@three", "residual@every", "residual@every0", "a(b",
     "a:f(x)y", "residual@1e3", "residual@99999", "+".join(["residual"] * 200)],
)  # fmt: skip
def test_a_wrong_notation_is_one_line_that_names_it(text: str) -> None:
    with pytest.raises(InputError, match=r"^configuration: placement = "):
        RunConfig.parse({"placement": text})


def test_the_default_is_written_as_before() -> None:
    assert [placement_spelling(name) for name in PLACEMENTS] == list(PLACEMENTS)
    assert list(placements()) == list(PLACEMENTS)
    assert RunConfig(placement="residual").overrides() == {}


# What blocks do to the model.


class Same(nn.Module):
    """A block with a parameter that returns its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[1] == len(self.weight)
        return x * self.weight


SUM = "residual@3-4+stages@every2+decoder+logits"


@pytest.mark.parametrize("model", ["unet", "deeplabv3plus"])
def test_the_network_around_the_blocks_is_unchanged(model: str) -> None:
    network = create_model(model, "resnet18", 3, f"{__name__}:Same", SUM).eval()
    bare = create_bare(model, "resnet18", 3).eval()
    missing, unexpected = network.load_state_dict(bare.state_dict(), strict=False)
    assert unexpected == []
    expected = [f"{each.path}.weight" for each in find_places(bare, SUM)]
    assert sorted(missing) == sorted(expected)
    x = torch.randn(2, 3, *SIZE)
    assert torch.equal(network(x), bare(x))
    assert torch.equal(copy.deepcopy(network)(x), pickle.loads(pickle.dumps(network))(x))


def test_finding_places_changes_nothing() -> None:
    network = create_bare("unet", "resnet18", 3)
    keys = list(network.state_dict())
    find_places(network, SUM)
    assert list(network.state_dict()) == keys
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_gradient_reaches_every_block_of_a_sum() -> None:
    network = create_model("unet", "resnet18", 3, f"{__name__}:Same", SUM)
    network(torch.randn(2, 3, 64, 64)).sum().backward()
    blocks = [part for part in network.modules() if isinstance(part, Same)]
    assert len(blocks) == 4 + 3 + 2
    assert all(block.weight.grad is not None for block in blocks)


# A user's own placement.


def decoder_blocks(model: nn.Module, first: int = 0) -> list[Place]:
    """After the second convolution, norm and ReLU of each block of a U-Net's decoder."""
    widths = [256, 128, 64, 32, 16]
    numbered = [(f"decoder.blocks.{n}.conv2", widths[n]) for n in range(first, 5)]
    return [after_module(model, path, width) for path, width in numbered]


def test_a_users_placement_has_options_and_selections() -> None:
    own = f"{__name__}:decoder_blocks"
    assert paths(own) == [f"decoder.blocks.{n}.conv2" for n in range(5)]
    assert paths(f"{own}(first=1)@every3 + residual@5") == [
        "encoder.layer4.0.conv2",
        "encoder.layer4.1.conv2",
        "decoder.blocks.1.conv2",
        "decoder.blocks.4.conv2",
    ]
    sites = find_sites(BareModel("unet", "resnet18", 3), own, (64, 64))
    assert [site.size for site in sites] == [(n, n) for n in (4, 8, 16, 32, 64)]


def test_the_helpers_put_blocks_where_they_say() -> None:
    torch.manual_seed(0)
    network, x = create_bare("unet", "resnet18", 3).eval(), torch.randn(1, 3, 64, 64)
    seen: dict[str, torch.Tensor] = {}
    for name in ("encoder.layer2.0.bn1", "encoder.layer3"):
        network.get_submodule(name).register_forward_hook(
            lambda part, given, output, name=name: seen.update({name: output.clone()})
        )
    features = network.get_submodule("encoder")(x)
    places = [
        before_convolution(network, "encoder.layer2.0.conv2"),
        after_module(network, "encoder.layer3", 256),
        *after_features(network, [5]),
    ]
    received: list[torch.Tensor] = []
    for each in places:
        block = Same(each.channels)
        block.register_forward_hook(lambda part, given, output: received.append(given[0]))
        each.put(block)
    network(x)
    torch.testing.assert_close(received[0], seen["encoder.layer2.0.bn1"].relu())
    torch.testing.assert_close(received[1], features[4])
    torch.testing.assert_close(received[2], features[5])


def none(model: nn.Module) -> None:
    """Returns nothing."""


def generator(model: nn.Module) -> object:
    yield after_module(model, "encoder.layer1", 64)


def empty(model: nn.Module) -> list[Place]:
    return []


def texts(model: nn.Module) -> list[str]:
    return ["encoder.layer1"]


def missing(model: nn.Module) -> list[Place]:
    return [after_module(model, "encoder.layer9", 64)]


def narrow(model: nn.Module) -> list[Place]:
    return [after_module(model, "encoder.layer1", 63)]


def fraction(model: nn.Module) -> list[Place]:
    return [Place("encoder.layer1.attention", 64.0, print)]  # type: ignore[arg-type]


def twice(model: nn.Module) -> list[Place]:
    return 2 * [after_module(model, "encoder.layer1", 64)]


def nested(model: nn.Module) -> list[Place]:
    inside = Place("encoder.layer1.attention.gate", 64, print)
    return [after_module(model, "encoder.layer1", 64), inside]


def raises(model: nn.Module) -> list[Place]:
    raise LookupError("no such layer")


def leaves(model: nn.Module) -> list[Place]:
    raise SystemExit


def a_list(model: nn.Module) -> list[Place]:
    return [after_module(model, "encoder", 64)]


def uncalled(model: nn.Module) -> list[Place]:
    return [after_module(model, "decoder.blocks", 64)]


def no_convolution(model: nn.Module) -> list[Place]:
    return [before_convolution(model, "encoder.layer1")]


def feature_nine(model: nn.Module) -> list[Place]:
    return after_features(model, [9])


def puts_nothing(model: nn.Module) -> list[Place]:
    return [Place("encoder.layer1.attention", 64, lambda block: None)]


def puts_wrongly(model: nn.Module) -> list[Place]:
    return [Place("encoder.layer1.attention", 64, lambda block: block + 1)]  # type: ignore[operator]


def two_arguments(model: nn.Module, other: nn.Module) -> list[Place]:
    return []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "returns NoneType, but must return a list of places"),
        ("generator", "returns generator, but must return a list of places"),
        ("empty", "returns no place"),
        ("texts", "returns a list with str in it, but must return places"),
        ("missing", "Unet has no module 'encoder.layer9'; did you mean 'encoder.layer"),
        ("narrow", r"layer1.attention is placed on 63 channels, but receives 64"),
        ("fraction", "64.0 channels is not a place"),
        ("twice", "encoder.layer1.attention would hold 2 blocks"),
        ("nested", "would be inside the block encoder.layer1.attention"),
        ("raises", r"LookupError: no such layer \(test_place_selection.py, line \d+\)"),
        ("leaves", r"SystemExit \(test_place_selection.py"),
        ("a_list", r"encoder.attention receives list, not a feature map \(B, C, H, W\)"),
        ("uncalled", "decoder.blocks is ModuleList, which is never called"),
        ("no_convolution", "encoder.layer1 is Sequential, not a Conv2d"),
        ("feature_nine", "the encoder has features 0 to 5, not 9"),
        ("puts_nothing", "the block that was put there is not found at this path"),
        ("puts_wrongly", "TypeError: .*test_place_selection.py"),
        ("two_arguments", "TypeError: two_arguments"),
        ("decoder_blocks(last=1)", "unknown option 'last'"),
        ("decoder_blocks(first='1')", "first = '1': Input should be a valid integer"),
        ("SIZE", "is tuple, but must be a function that returns a list of places"),
        ("not_there", "cannot be imported: .* has no 'not_there'"),
    ],
)
def test_a_fault_of_a_users_placement_is_one_line_that_names_it(
    name: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        find_sites(BareModel("unet", "resnet18", 3), f"{__name__}:{name}", (64, 64))
    assert name.partition("(")[0] in str(error.value)
    assert "\n" not in str(error.value)


def test_a_placement_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ablations.placing.OWN_SECONDS", 0.2)
    with pytest.raises(InputError, match=r"took more than 0\.2 s; does it"):
        find_sites(BareModel("unet", "resnet18", 3), f"{__name__}:forever", (64, 64))


def forever(model: nn.Module) -> list[Place]:
    while True:
        pass


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_file_that_cannot_be_imported_is_named(
    code: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_places_{message.lower()}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"placement '{name}:f' cannot be.*{message}"):
        find_placement(f"residual+{name}:f")


def test_the_file_of_a_users_placement_is_part_of_a_runs_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = {"placement": "some_places:f@3+other_places:g+residual"}
    nowhere = source_of(values)
    (tmp_path / "some_places.py").write_text("raise SystemExit")  # it is not imported
    (tmp_path / "other_places.py").write_text("")
    before = RunConfig.parse(values)
    (tmp_path / "other_places.py").write_text("g = 2")
    assert nowhere == ""
    assert before.source.count("placement=") == 2
    assert RunConfig.parse(values).source != before.source
    assert RunConfig.parse(before.model_dump() | {"source": ""}).source != before.source


# What the command line shows.


def test_where_shows_the_stage_of_each_landing(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "unet", "--placement", "decoder+residual@5", "--block", "se"]
    assert main(["where", *arguments]) == 0
    rows = [line.split("|")[1:4] for line in capsys.readouterr().out.splitlines()]
    shown = [[cell.strip() for cell in row] for row in rows if len(row) == 3]
    assert shown[0] == ["Module", "Stage", "Channels"]
    assert shown[2:] == [
        ["encoder.layer4.0.conv2.attention", "5", "512"],
        ["encoder.layer4.1.conv2.attention", "5", "512"],
        ["segmentation_head.0.attention", "–", "16"],
    ]


def test_a_wrong_selection_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["where", "--placement", "residual@"])
    assert "write a stage as name@3" in capsys.readouterr().err
    assert main(["where", "--placement", "stages@4"]) == 2
    assert "places in: 2, 5" in capsys.readouterr().err


def test_the_list_says_how_to_select(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "placements"]) == 0
    listed = capsys.readouterr().out
    for word in ("NAME@3-4", "NAME@every2", "stages@4-5+decoder", "conv2_x"):
        assert word in listed
