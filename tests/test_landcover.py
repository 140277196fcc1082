"""Land cover from space: real tiles, split by place so that nothing leaks."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor

from ablations.cli import main
from ablations.errors import InputError
from ablations.run_config import RunConfig
from lightning_modules.data import create_data, find_dataset
from lightning_modules.data.data_source import VOID, SplitName
from lightning_modules.data.landcover import (
    BANDS,
    CLASSES,
    COLOURS,
    FILES,
    PAIRS,
    LandCover,
    augment,
    bands,
    earth,
    tiles_in,
)
from tests.landcover_files import IMAGE, PIXELS, nearest, on_grid, sha256

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
FOLDS = range(len(PAIRS))


def opened(
    split: SplitName, size: int, fold: int = 0, tile: int | None = None
) -> LandCover:
    return LandCover(fold, tile, split, size, None)


def columns_of(split: SplitName, fold: int) -> set[int]:
    """Every column of pixels that an item of a split can show."""
    source = opened(split, 72, fold)
    windows = [source.window(index)[1] for index in range(len(source))]
    return {column for window in windows for column in range(window.start, window.stop)}


def test_the_packaged_files_are_those_of_the_stated_checksums() -> None:
    assert sha256(FILES[0].read_bytes()) == IMAGE
    with PIL.Image.open(FILES[1]) as mask:
        assert mask.mode == "P"
        assert mask.size == (5400, 2700)
        assert sha256(np.array(mask).tobytes()) == PIXELS
        palette = mask.getpalette()
    assert palette
    assert palette[:24] == [round(255 * part) for colour in COLOURS for part in colour]
    assert sum(file.stat().st_size for file in FILES) < 3.0e6


def test_labels_are_merged_and_put_on_the_grid_by_the_nearest_centre() -> None:
    assert nearest(3, 4).tolist() == [0, 2, 3]  # centres 1/6, 1/2, 5/6 in quarters
    assert nearest(6, 3).tolist() == [0, 0, 1, 1, 2, 2]
    labels = np.tile(np.arange(24, dtype=np.uint8).clip(max=17)[:, None], (150, 7200))
    merged = on_grid(labels)
    assert merged.shape == (2700, 5400)
    assert (merged[:270] == VOID).all()
    assert (merged[2190:] == VOID).all()
    row = 1001  # its centre lies at 1001.5 / 2700 * 3600 = 1335.3: row 1335 = 55 * 24 + 15
    assert (merged[row] == CLASSES.index("snow and ice")).all()
    assert (merged[998] == VOID).all()  # 998.5 * 4 / 3 = 1331.3: wetland


@pytest.mark.parametrize(("side", "count"), [(64, 774), (96, 295), (128, 159)])
def test_so_many_tiles_are_at_least_half_land(side: int, count: int) -> None:
    """Counted beforehand, with other code."""
    assert sum(len(list(tiles_in(band, side))) for band in range(BANDS)) == count
    assert sum(len(opened(split, side)) for split in SPLITS) == count


@pytest.mark.parametrize("fold", FOLDS)
def test_no_pixel_of_one_split_is_in_another(fold: int) -> None:
    train, val, test = (columns_of(split, fold) for split in SPLITS)
    assert len(train) > 3000
    assert not train & val
    assert not train & test
    assert not val & test


def test_the_first_fold_holds_out_these_longitudes() -> None:
    degrees = [{column // 15 - 180 for column in columns_of(s, 0)} for s in ("val", "test")]
    assert degrees[0] <= {*range(-90, -60), *range(60, 90)}
    assert degrees[1] <= {*range(0, 30), *range(120, 150)}


def test_every_band_is_once_in_validation_and_once_in_test() -> None:
    for split in SPLITS[1:]:
        held = [band for fold in FOLDS for band in bands(split, fold)]
        assert sorted(held) == [*range(12)]
    for fold in FOLDS:
        assert sorted(band for split in SPLITS for band in bands(split, fold)) == [
            *range(12)
        ]


@pytest.mark.parametrize("fold", FOLDS)
def test_every_split_of_every_fold_has_all_classes(fold: int) -> None:
    for split in SPLITS:
        source = opened(split, 96, fold)
        present = {
            *torch.cat([source[i][1].flatten() for i in range(len(source))]).tolist()
        }
        assert present == {*range(8), VOID}


def test_tiles_are_cut_from_the_image_and_lie_where_their_title_says() -> None:
    source = opened("val", 66)
    with PIL.Image.open(FILES[0]) as picture:
        whole = np.array(picture)
    for index in (0, 17, len(source) - 1):
        rows, columns = source.window(index)
        image, labels = source[index]
        assert image.shape == (3, 66, 66)
        expected = whole[270 + rows.start : 270 + rows.stop, columns]
        assert (image.numpy().transpose(1, 2, 0) == expected).all()
        assert torch.equal(labels.as_subclass(Tensor), earth().labels[rows, columns])
        place, east = source.title(index).removeprefix(f"tile {index}: ").split(", ")
        latitude = float(place[:-2]) * (1 if place.endswith("N") else -1)
        longitude = float(east[:-2]) * (1 if east.endswith("E") else -1)
        assert latitude == pytest.approx(90 - (270 + rows.start + 33) / 15, abs=0.06)
        assert longitude == pytest.approx((columns.start + 33) / 15 - 180, abs=0.06)


def test_the_first_tiles_are_from_everywhere() -> None:
    source = opened("train", 64)
    assert {source.tiles[index].column // 450 for index in range(60)} >= {2, 4, 7, 9}


def test_crops_of_training_vary_and_stay_in_the_surroundings_of_a_tile() -> None:
    source = opened("train", 48)
    index = next(i for i in range(len(source)) if source[i][0].shape == (3, 96, 96))
    sample = source[index]
    patches = {
        sample[0][:, r : r + 48, c : c + 48].numpy().tobytes()
        for r in range(49)
        for c in range(49)
    }
    torch.manual_seed(0)
    whole: Any = augment(48, {})
    crop = whole.transforms[0]
    crops = [crop(sample)[0].numpy().tobytes() for _ in range(20)]
    assert len({*crops}) > 15
    assert {*crops} <= patches


def test_a_tile_may_not_be_changed_for_the_next_reader() -> None:
    source = opened("test", 64)
    source[3][0].fill_(0)
    source[3][1].fill_(0)
    image, labels = source[3]
    assert image.any()
    assert labels.any()


def test_image_and_labels_are_aligned() -> None:
    """Dark blue pixels are water; their overlap with the label is largest unshifted."""
    image, labels, _ = earth()
    image, labels = image[:, 300:1500].int(), labels[300:1500]
    blue = (image[2] > image[0] + 10) & (image[2] > image[1])
    water = labels == 0
    overlaps = {
        (down, right): iou(blue.roll((down, right), (0, 1)), water)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    }
    assert max(overlaps, key=lambda shift: overlaps[shift]) == (0, 0)
    assert overlaps[0, 0] > 0.9


def iou(one: Tensor, other: Tensor) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_the_fingerprint_follows_what_is_shown() -> None:
    shown: list[tuple[SplitName, int, int]]
    shown = [("train", 64, 0), ("val", 64, 0), ("val", 96, 0), ("val", 64, 1)]
    prints = [opened(split, size, fold).fingerprint for split, size, fold in shown]
    content = hashlib.sha256(FILES[0].read_bytes() + FILES[1].read_bytes()).hexdigest()
    assert len({*prints}) == 4
    assert all(text.endswith(content[:8]) for text in prints)
    assert opened("val", 64).fingerprint == opened("val", 48, tile=64).fingerprint


@pytest.mark.parametrize(
    ("options", "size", "message"),
    [
        ("(fold=6)", 64, r"fold = 6: there are folds 0 to 5"),
        ("(fold=-1)", 64, r"fold = -1: there are folds 0 to 5"),
        ("(fold=0.5)", 64, r"fold = 0\.5"),
        ("(tile=15)", 16, r"tile = 15: a tile has 16 to 225 pixels"),
        ("(tile=226)", 64, r"tile = 226: a tile has 16 to 225 pixels"),
        ("(tile=63)", 64, r"tile = 63: is smaller than an image of image_size = 64"),
        ("(side=64)", 64, r"unknown option 'side'"),
        ("", 226, r"image_size = 226: a tile has at most 225 pixels"),
    ],
)
def test_a_wrong_option_is_one_line(options: str, size: int, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        create_data(RunConfig(dataset=f"landcover{options}", image_size=size))
    assert "\n" not in str(error.value)


def test_larger_tiles_than_the_image_are_cut_to_their_middle() -> None:
    config = RunConfig(dataset="landcover(tile=80)", image_size=64, batch_size=2)
    source = find_dataset(config.dataset)
    sample = source.open("val", 64, None)[5]
    image, labels = source.prepare(64)(sample)
    assert torch.equal(image, sample[0][:, 8:72, 8:72])
    assert torch.equal(labels, sample[1][8:72, 8:72])


def test_the_data_set_is_trained_from_the_command_line(tmp_path: Path) -> None:
    few = ["--train-images", "6", "--val-images", "3", "--batch-size", "2", "--max-steps"]
    network = ["--model", "fpn", "--encoder", "tu-test_resnet", "--accelerator", "cpu"]
    data = ["--dataset", "landcover(fold=3)", "--image-size", "32"]
    runs = ["--runs", str(tmp_path)]
    assert main(["train", *data, *few, "3", *network, *runs]) == 0


def pixels(split: SplitName, count: int) -> tuple[Tensor, Tensor]:
    """Colours (N, 3) and labels (N,) of that many pixels of a split's tiles of 96x96."""
    image, labels, _ = earth()
    tiles = [tile for band in bands(split, 0) for tile in tiles_in(band, 96)]
    places = [(slice(row, row + 96), slice(column, column + 96)) for row, column in tiles]
    colours = torch.cat([image[:, rows, columns].flatten(1) for rows, columns in places], 1)
    known = torch.cat([labels[place].flatten() for place in places])
    random = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(known), generator=random)
    chosen = chosen[known[chosen] != VOID][:count]
    return colours.T[chosen], known[chosen]


@pytest.mark.slow
def test_the_colour_of_a_pixel_alone_reaches_the_stated_bar() -> None:
    """42.1 and 43.0 % were measured beforehand, on other pixels: within 1.5 points."""
    colours, labels = pixels("train", 50_000)
    booster = HistGradientBoostingClassifier(random_state=0, max_iter=60)
    booster.fit(colours.numpy(), labels.numpy())
    bars: dict[SplitName, float] = {"val": 0.421, "test": 0.430}
    for split, bar in bars.items():
        colours, labels = pixels(split, 100_000)
        predicted = torch.from_numpy(booster.predict(colours.numpy()))
        overlaps = [iou(predicted == name, labels == name) for name in range(len(CLASSES))]
        assert np.mean(overlaps) == pytest.approx(bar, abs=0.015)
