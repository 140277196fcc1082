"""What a block attends to is read from its operators and equals what its parts compute."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import Normalize
from torch import Tensor, nn

from ablations.attention import BLOCKS
from ablations.attention_values import (
    ADDED,
    CHANNEL,
    POOLING,
    RECEIVED,
    SPATIAL,
    WEIGHT,
    Attention,
    attention_of,
)
from ablations.blocks import create_attention
from ablations.cli import main
from ablations.errors import InputError
from ablations.run_folder import RunFolder
from lightning_modules.run import train
from reports.attention_maps import PlaceAttention, attention_picture, span
from sweeps.attention import inputs_of, picture_of_attention, sites_of, usual_places
from sweeps.kept_runs import ScoredImages, read_kept
from tests.test_predictions import outside, overlapping
from tests.test_weights import EXECUTION, SMALL

SHAPE = (32, 4, 8)  # as many channels as positions: a size alone does not tell them apart
EXPECTED = {  # before the effect
    "none": [],
    "se": [CHANNEL],
    "gc": [POOLING],
    "cbam": [CHANNEL, SPATIAL],
    "non_local": [RECEIVED],
    "ea": [],
    "coordinate": [],
    "simam": [],
    "triplet": [SPATIAL],
    "psa_channel": [POOLING, CHANNEL],
    "psa_parallel": [POOLING, CHANNEL, SPATIAL],
    "psa_parallel_code": [POOLING, CHANNEL, POOLING, SPATIAL],
    "note_channel": [SPATIAL],
    "note_spatial": [],
    "timm:eca": [CHANNEL],
    "smp:scse": [CHANNEL, SPATIAL],
    "identity(cbam)": [CHANNEL, SPATIAL],
}


def feature(*shape: int) -> Tensor:
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))


def built(name: str, channels: int) -> nn.Module:
    """In eval mode, with a random draw in place of parameters that are zero."""
    torch.manual_seed(1)
    block = create_attention(name, channels).eval()
    for parameter in block.parameters():
        if not parameter.any():
            nn.init.uniform_(parameter, 0.1, 0.5)
    return block


@pytest.mark.parametrize("name", EXPECTED)
def test_the_parts_of_a_block_are_found_in_their_order(name: str) -> None:
    *parts, effect = attention_of(built(name, SHAPE[0]), feature(*SHAPE))
    assert [part.what for part in parts] == EXPECTED[name]
    for part in parts:
        size = SHAPE[1:] if part.over == "positions" else SHAPE[:1]
        assert part.values.shape == size
    assert effect.values.shape == SHAPE[1:]
    adds = {"gc", "non_local", "ea"}
    assert effect.what == (ADDED if name in adds else WEIGHT)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_has_an_effect_on_maps_of_odd_sizes(name: str) -> None:
    x = feature(16, 5, 3)
    block = built(name, 16)
    effect = attention_of(block, x)[-1]
    with torch.no_grad():
        y = block(x.clone())
    change = (y - x)[0].square().sum(dim=0).sqrt()
    weight = (y[0].square().sum(dim=0) / x[0].square().sum(dim=0)).sqrt()
    expected = change if effect.what == ADDED else weight
    torch.testing.assert_close(effect.values, expected, rtol=1e-4, atol=1e-5)


def test_gates_are_those_of_the_branches() -> None:
    block, x = built("psa_parallel", 16), feature(16, 5, 3)
    pooling, channel, spatial, _ = attention_of(block, x)
    with torch.no_grad():
        scores = block.channel.query(x)[0, 0]  # type: ignore[union-attr, operator]
        torch.testing.assert_close(pooling.values, scores.exp() / scores.exp().sum())
        weights = block.channel.weights(x)  # type: ignore[union-attr, operator]
        torch.testing.assert_close(channel.values, weights.flatten())
        mask = block.spatial.weights(x)  # type: ignore[union-attr, operator]
        torch.testing.assert_close(spatial.values, mask[0, 0])


def test_received_attention_is_the_mean_over_queries() -> None:
    block, x = built("non_local", 16), feature(16, 5, 3)
    received = attention_of(block, x)[0]
    with torch.no_grad():
        query = block.query(x)[0].flatten(1).t()  # type: ignore[operator]
        key = block.key(x)[0].flatten(1)  # type: ignore[operator]
        matrix = (query @ key).exp()
        mean = (matrix / matrix.sum(dim=1, keepdim=True)).mean(dim=0)
    torch.testing.assert_close(received.values, mean.reshape(5, 3))
    assert received.values.sum().item() == pytest.approx(1)


class OneSize(nn.Module):
    """Weighs positions, and takes maps of one size alone."""

    def __init__(self) -> None:
        super().__init__()
        self.mask = nn.Parameter(torch.linspace(-1, 1, 15).reshape(5, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask.sigmoid()


def test_a_block_for_one_size_is_read_all_the_same() -> None:
    x = feature(7, 5, 3)
    x[0, :, 2, 1] = 0
    mask, effect = attention_of(OneSize(), x)
    assert mask.what == SPATIAL
    assert effect.values[2, 1].isnan()
    assert torch.allclose(effect.values.nan_to_num(0.5), mask.values, atol=1e-6)


def test_a_map_of_very_many_positions_is_refused() -> None:
    with pytest.raises(InputError, match="a map of 101x100 has more than 10,000 positions"):
        attention_of(built("se", 16), torch.zeros(1, 16, 101, 100))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.5, 0.5], "0.5 everywhere"),
        ([0.25, float("nan"), 1.0], "0.25 to 1"),
        ([0.500001, 0.500002], "0.500001 to 0.500002"),
        ([0.1, 0.99996], "0.1 to 0.99996"),
        ([float("nan")], "nowhere defined"),
    ],
)
def test_a_range_is_stated_with_digits_that_tell_its_ends_apart(
    values: list[float], text: str
) -> None:
    assert span(Attention(SPATIAL, "positions", torch.tensor(values))) == text


def test_a_picture_has_the_values_their_ranges_and_no_texts_that_overlap() -> None:
    parts = [
        *attention_of(built("psa_parallel_code", 16), feature(16, 5, 3)),
        Attention(ADDED, "positions", torch.full((5, 3), torch.nan)),
    ]
    path = "decoder.a_module_with_a_very_long_name.and_another.attention"
    places = [PlaceAttention(n, path, (16, 5, 3), parts[: 4 + 2 * n]) for n in range(2)]
    image = np.random.default_rng(0).random((50, 30, 3))
    figure = attention_picture(["PSA, $seed$ 0", "a title " * 20], image, places)
    assert overlapping(figure) == []
    assert outside(figure) == []
    maps = [axis.images[1] for axis in figure.axes if len(axis.images) > 1]
    spatial = next(p for p in parts if p.what == SPATIAL)
    drawn = [np.asarray(one.get_array()) for one in maps]
    [index] = [n for n, one in enumerate(drawn[:4]) if np.allclose(one, spatial.values)]
    scale = maps[index].norm
    assert isinstance(scale, Normalize)
    low, high = spatial.values.min().item(), spatial.values.max().item()
    assert (scale.vmin, scale.vmax) == pytest.approx((low, high))


def test_six_places_are_shown_from_the_first_to_the_last() -> None:
    assert usual_places(3) == [0, 1, 2]
    assert usual_places(16) == [0, 3, 6, 9, 12, 15]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    config = SMALL.changed(block="cbam", placement="stages", max_steps=2)
    train(config, folder, EXECUTION.model_copy(update={"keep_weights": "last"}))
    return RunFolder(folder, config).path


def test_the_maps_are_of_what_each_place_receives(run: Path) -> None:
    kept = read_kept(run)
    images = ScoredImages(kept, None)
    sites = sites_of(kept)
    assert [site.path for site in sites] == ["encoder.attention.1", "encoder.attention.2"]
    image = images.of_training_size(4)[0]
    for site, x in zip(sites, inputs_of(kept, image, sites), strict=True):
        assert tuple(x.shape) == (1, site.channels, *(site.size or ()))
    figure = picture_of_attention(kept, images, 4, [1])
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[0] == "place 1: 32 channels, 8x8\nencoder.attention.2"
    assert [title.partition("\n")[0] for title in titles[1:4]] == [CHANNEL, SPATIAL, WEIGHT]


def test_what_the_network_lacks_is_one_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "picture.png"
    words = ["show-attention", str(run), "--accelerator", "cpu", "--out", str(out)]
    assert main([*words, "--image", "scene 2"]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    for more, message in [
        (["--place", "2"], "place 2: the network has places 0 to 1"),
        (["--image", "99"], "image '99': no images are called so"),
    ]:
        assert main([*words, *more]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert message in line
    assert main(["show-attention", str(tmp_path)]) == 2
    assert "no weights.safetensors in it" in capsys.readouterr().err
