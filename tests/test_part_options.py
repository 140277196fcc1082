"""Options are a signature's, of its types; those equal to their defaults are left out."""

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from timm.layers.drop import DropPath
from torch import Tensor, nn

from ablations import signatures
from ablations.attention import BLOCKS
from ablations.bare_models import BareModel, create_bare, is_downloaded
from ablations.blocks import create_attention, find_block
from ablations.contract import LoneBlock, check_block
from ablations.encoders import (
    MODELS,
    SET_ELSEWHERE,
    check_encoder,
    check_weights,
    encoder_part,
    model_class,
    model_part,
)
from ablations.errors import InputError
from ablations.models import Network, check_training, create_model
from ablations.normalisation import normalisation
from ablations.notation import Part, plain
from ablations.part_options import changed_options, named_options, with_options
from ablations.run_config import RunConfig
from ablations.signatures import DATA_FOLDER
from ablations.sites import find_sites
from ablations.sources import source_of
from ablations.spelling import one_spelling
from lightning_modules.data import DATASETS, find_dataset


def parts(
    channels: int,
    count: int = 1,
    *,
    scale: float = 1.0,
    on: bool = False,
    sizes: Sequence[int] = (1, 2),
    rates: Iterable[int] = (3,),
    pair: tuple[int, int] = (4, 5),
    mode: Literal["add", 8] = "add",
    norm: str | dict[str, Any] | None = None,
    free: Any = None,
) -> dict[str, Any]:
    return locals()


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"count": 3}, {"count": 3}),
        ({"scale": 3}, {"scale": 3.0}),
        ({"sizes": [5, 6, 7]}, {"sizes": [5, 6, 7]}),
        ({"rates": [5, 6]}, {"rates": [5, 6]}),
        ({"pair": [5, 6]}, {"pair": (5, 6)}),
        ({"mode": 8}, {"mode": 8}),
        ({"norm": {"type": "layernorm"}}, {"norm": {"type": "layernorm"}}),
        ({"norm": None}, {"norm": None}),
        ({"free": [1, "a"]}, {"free": [1, "a"]}),
    ],
)
def test_a_value_arrives_as_its_annotation_says(
    options: dict[str, Any], received: dict[str, Any]
) -> None:
    values = with_options(parts, options, given=1)(16)
    assert values == parts(16) | received
    assert all(type(values[name]) is type(value) for name, value in received.items())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("count", True, "count = True: .*valid integer"),
        ("count", 1.0, "count = 1.0: .*valid integer"),
        ("scale", "1", "scale = '1': .*valid number"),
        ("on", 1, "on = 1: .*valid boolean"),
        ("sizes", 4, "sizes = 4: "),
        ("sizes", "12", "sizes = '12': "),
        ("sizes", [1, "2"], r"sizes\[1\] = '2': .*valid integer"),
        ("rates", [1, None], r"rates\[1\] = None: .*valid integer"),
        ("pair", [1, 2, 3], "pair = "),
        ("mode", 9, "mode = 9: .*'add' or 8"),
        ("norm", 3, "norm = 3: "),
        ("size", 3, "unknown option 'size'; did you mean 'sizes'.*known: count, scale"),
        ("channels", 3, "unknown option 'channels'"),
    ],
)
def test_another_type_or_name_is_one_line(name: str, value: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        with_options(parts, {name: value}, given=1)
    assert "\n" not in str(error.value)


def test_what_takes_any_option_is_trusted() -> None:
    def anything(channels: int, **options: object) -> dict[str, object]:
        return options

    assert with_options(anything, {"a": 1}, given=1)(16) == {"a": 1}


def test_options_equal_to_their_defaults_are_left_out() -> None:
    usual = {"count": 1, "scale": 1, "on": False, "sizes": [1, 2], "rates": [3]}
    assert changed_options(parts, usual | {"pair": [4, 5], "norm": None}, given=1) == {}
    other = {"count": 2, "scale": 0, "pair": [5, 4], "free": 0}
    assert changed_options(parts, other, given=1) == other
    fixed = partial(parts, count=7)
    assert changed_options(fixed, {"count": 7}, given=1) == {}
    assert changed_options(fixed, {"count": 1}, given=1) == {"count": 1}


# Every registry.


def every_option() -> list[tuple[str, str, dict[str, Any]]]:
    """Kind, name and the options with their defaults, of each named part of the suite."""
    blocks = [("block", key, named_options(BLOCKS[key].build, 1)) for key in BLOCKS]
    models = [
        ("model", key, named_options(model_class(key), SET_ELSEWHERE)) for key in MODELS
    ]
    data = [
        ("dataset", key, named_options(DATASETS[key], [DATA_FOLDER])) for key in DATASETS
    ]
    return [(kind, key, known or {}) for kind, key, known in [*blocks, *models, *data]]


FINDERS = {"block": find_block, "model": model_part, "dataset": find_dataset}


@pytest.mark.parametrize(("kind", "key", "known"), every_option())
def test_a_part_with_its_defaults_is_the_part(
    kind: str,
    key: str,
    known: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The options of every registered part can be written, and read back."""
    (tmp_path / "classes.yaml").write_text("classes: [a, b]\nsplits: {val: 0.2}\n")
    monkeypatch.chdir(tmp_path)
    options = {name: plain(default) for name, default in known.items()}
    text = str(Part(key, None, options))
    FINDERS[kind](text)
    assert one_spelling(kind, text) == key
    for name, value in options.items():
        if isinstance(value, int):
            other = str(Part(key, None, {name: value + 1}))
            assert one_spelling(kind, other) == other


@pytest.mark.parametrize(("kind", "key", "known"), every_option())
def test_an_unknown_option_of_any_part_is_refused(
    kind: str, key: str, known: dict[str, Any]
) -> None:
    allowed = "known: " if known else "takes no options"
    text = f"{key}(nothing_like_it=1)"
    with pytest.raises(InputError, match=f"'{re.escape(text)}': .*{allowed}"):
        FINDERS[kind](text)


def test_the_options_that_are_listed_are_those_of_the_signatures() -> None:
    listed = {kind: read() for kind, read in signatures.OPTIONS.items()}
    for kind, key, known in every_option():
        assert list(listed[kind][key]) == list(known), key
        for name, default in known.items():
            assert listed[kind][key][name] == repr(default)


# Models and encoders.


def test_a_model_is_built_with_its_options() -> None:
    text = "unet(encoder_depth=3, decoder_channels=[48, 24, 12])"
    network: Any = create_model(text, "tu-test_resnet", 5, "se(ratio=4)", "stages")
    assert network.encoder.out_channels[-1] == network.encoder.out_channels[3]
    assert network.segmentation_head[0].in_channels == 12
    assert network(torch.zeros(1, 3, 64, 32)).shape == (1, 5, 64, 32)
    sites = find_sites(BareModel(text, "tu-test_resnet", 5), "stages", (64, 32))
    assert [site.size for site in sites] == [(32, 16), (16, 8), (8, 4)]


def test_an_encoder_gets_its_options() -> None:
    """A misspelled one never gets as far as smp, which would pass it on."""
    network = create_bare("fpn", "tu-resnet18(drop_path_rate=0.125)", 2)
    rates = [part.drop_prob for part in network.modules() if isinstance(part, DropPath)]
    assert max(rates) == 0.125
    bare = create_bare("fpn", "tu-resnet18", 2)
    assert not any(isinstance(part, DropPath) for part in bare.modules())


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("resnet18(depth=3)", "smp's own encoders take no options"),
        ("resnet19(depth=3)", "unknown encoder 'resnet19'"),
        ("tu-resnet18(drop_path_rat=0.1)", "did you mean 'drop_path_rate'"),
        ("tu-resnet18(drop_path_rate='a')", "drop_path_rate = 'a': .*valid number"),
        ("tu-resnet18(checkpoint_path='a.pt')", "unknown option 'checkpoint_path'"),
        ("tu-resnet18(pretrained=True)", "unknown option 'pretrained'"),
        ("tu-resnet18(in_chans=1)", "unknown option 'in_chans'"),
        ("tu-resnet18(resnet18)", "'resnet18' is not an option"),
        ("tu-resnet18(", r"does not end with '\)'"),
    ],
)
def test_an_option_that_an_encoder_lacks_is_named(encoder: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_encoder(encoder)


@pytest.mark.parametrize(
    ("model", "encoder", "message"),
    [
        ("unet(encoder_depth=3)", "resnet18", "5 blocks.*options of unet: encoder_depth"),
        ("unet(encoder_depth=9)", "resnet18", r"range \[1, 5\], got 9"),
        ("fpn(decoder_dropout=7)", "resnet18", "between 0 and 1, but got 7"),
        ("unet", "tu-resnet18(act_layer='no')", "cannot be built: KeyError: 'no'"),
        ("paper_hrnet_pose", "tu-hrnet_w32(drop_rate=0.1)", "takes only the encoders"),
        *(
            (f"unet({name}=None)", "resnet18", f"{name} is not an option: {reason}")
            for name, reason in SET_ELSEWHERE.items()
        ),
    ],
)
def test_what_a_model_refuses_is_one_line(model: str, encoder: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        create_bare(model, encoder, 2)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "model", ["deeplabv3plus(upsampling=2)", "paper_simple_baseline_heatmaps"]
)
def test_masks_of_another_size_are_refused_before_training(model: str) -> None:
    bare = BareModel(model, "resnet18", 2)
    with pytest.raises(InputError, match=r"returns masks of .* for images of 64x32"):
        check_training(Network(bare, None, "none", "residual", (64, 32)))


def test_weights_and_colours_are_those_of_the_encoder_s_name() -> None:
    bare, text = "tu-resnet18", "tu-resnet18(drop_path_rate=0.1)"
    check_weights(text, "imagenet")
    assert normalisation(text, "imagenet") == normalisation(bare, "imagenet")
    assert is_downloaded(text, "imagenet") == is_downloaded(bare, "imagenet")
    assert encoder_part(text).name == bare


# A user's own block.


class Grouped(nn.Module):
    """A grouped 1x1 convolution."""

    def __init__(self, channels: int, groups: int = 1, scale: float = 1.0) -> None:
        super().__init__()
        if groups == 5:
            raise RuntimeError("five")
        self.mix, self.scale = nn.Conv2d(channels, channels, 1, groups=groups), scale

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.scale * self.mix(x)
        return mixed


OWN = f"{__name__}:Grouped"


def test_a_block_of_one_s_own_takes_its_options() -> None:
    block: Any = create_attention(f"{OWN}(groups=4, scale=2)", 16)
    assert (block.mix.groups, block.scale) == (4, 2.0)
    check_block(f"{OWN}(groups=4)", 16, (5, 7))
    for groups in (1, 4):
        lone = LoneBlock(f"{OWN}(groups={groups})", 16, "fast").real()
        assert sum(p.numel() for p in lone.parameters()) == 16 * 16 // groups + 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("group=4", "unknown option 'group'; did you mean 'groups'"),
        ("groups='4'", "groups = '4': .*valid integer"),
        ("groups=5", "cannot be built for 16 channels: RuntimeError: five"),
        ("groups=7", "cannot be built for 16 channels: ValueError"),
    ],
)
def test_what_it_refuses_is_one_line(options: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        create_attention(f"{OWN}({options})", 16)


def test_its_digest_does_not_depend_on_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it imported to spell its name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_grouped.py").write_text("raise SystemExit")
    source = source_of({"block": "my_grouped:Own"})
    assert source.startswith("block=")
    for text in ("my_grouped:Own(groups=8)", "around( my_grouped:Own (a=1), b=2)"):
        assert source_of({"block": text}) == source
        assert RunConfig.parse({"block": text}).source == source
    spelled = RunConfig.parse({"block": "my_grouped:Own( b=(1,), a=2 )"}).block
    assert spelled == "my_grouped:Own(a=2, b=[1])"
