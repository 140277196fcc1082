"""`ablate data check`: counts by hand, and every problem in a line of its own."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablations.cli import main
from lightning_modules.data import find_dataset
from lightning_modules.data.data_source import SPLITS, VOID
from lightning_modules.data.inspection import inspect
from tests.fake_data import VOC_SIZES, fake_voc
from tests.test_folder import NAMES, dataset, own_folder, save, titles, with_lists


def lines(root: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The problems of a folder, after the table."""
    assert main(["data", "check", dataset(root), "--workers", "2"]) == 1
    out = capsys.readouterr().out.splitlines()
    return [line for line in out if ": " in line and not line.startswith(" ")]


def test_pixels_and_images_are_counted_by_class_and_split(tmp_path: Path) -> None:
    own_folder(tmp_path)
    source = find_dataset(dataset(tmp_path))
    splits, problems = inspect(source, None, SPLITS, 64, workers=2)
    assert problems == []
    for found in splits:
        expected = np.zeros(256, np.int64)
        for name in titles(tmp_path, found.name):
            with Image.open(tmp_path / f"masks/{name}.png") as picture:
                values, counts = np.unique(np.array(picture), return_counts=True)
            expected[values] += counts
        assert np.array_equal(found.pixels, expected)
        assert found.occurrences[:2].tolist() == [found.images] * 2
    assert [found.images for found in splits] == [5, 3, 2]


def test_a_sound_folder_ends_with_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"train": NAMES[:7], "val": NAMES[7:]}
    with_lists(tmp_path, names)
    save(np.full((10, 20, 3), 7, np.uint8), tmp_path / "images/cell_09.png")
    stripes = np.repeat(np.array([0, 0, 1, VOID], np.uint8), 5)
    save(np.tile(stripes, (10, 1)), tmp_path / "masks/cell_09.png")
    assert main(["data", "check", dataset(tmp_path), "--split", "val"]) == 0
    out = capsys.readouterr().out
    assert "no problems found" in out
    pixels = 0
    for name in names["val"]:
        with Image.open(tmp_path / f"masks/{name}.png") as picture:
            pixels += picture.width * picture.height
    assert f"void {100 * 50 / pixels:.2f} % 1".split() in [
        row.split() for row in out.splitlines()
    ]


def test_every_problem_is_listed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = own_folder(tmp_path / "photos")
    train, val = titles(root, "train"), titles(root, "val")
    cut = root / f"images/{train[0]}.png"
    cut.write_bytes(cut.read_bytes()[:200])
    strange = root / f"masks/{train[1]}.png"
    with Image.open(strange) as picture:
        labels = np.array(picture)
    labels[0, :6] = 9
    save(labels, strange)
    (root / f"masks/{val[0]}.png").unlink()
    for part in ("images", "masks"):
        copy = (root / part / f"{train[2]}.png").read_bytes()
        (root / part / f"{val[1]}.png").write_bytes(copy)
    save(labels, root / "masks/stray.png")
    out = tmp_path / "new" / "problems.txt"
    assert main(["data", "check", dataset(root), "--out", str(out)]) == 1
    assert out.read_text().splitlines() == [
        f"{root}/masks/stray.png: is a mask without an image",
        f"{cut}: cannot be read (image file is truncated)",
        f"{strange}: unknown labels 9 (6 pixels); allowed are 0 to 1, and 255 for void",
        f"{root}/masks/{val[0]}.png: not found, or not a file",
        f"val, {val[1]}: has the pixels of {train[2]} in train",
    ]
    assert out.read_text() in capsys.readouterr().out


def test_two_bad_files_of_one_image_are_two_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_folder(tmp_path)
    for part in ("images", "masks"):
        (tmp_path / part / f"{NAMES[0]}.png").write_bytes(b"")
    assert lines(tmp_path, capsys) == [
        f"{tmp_path}/{part}/{NAMES[0]}.png: is empty" for part in ("images", "masks")
    ]


def test_sizes_that_differ_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_folder(tmp_path)
    save(np.zeros((5, 6), np.uint8), tmp_path / f"masks/{NAMES[3]}.png")
    [line] = lines(tmp_path, capsys)
    assert line.endswith(f"but its mask {tmp_path}/masks/{NAMES[3]}.png is 6x5")


def test_a_class_that_a_split_lacks_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_folder(tmp_path)
    for name in titles(tmp_path, "test"):
        with Image.open(tmp_path / f"masks/{name}.png") as picture:
            save(np.array(picture) * np.uint8(255), tmp_path / f"masks/{name}.png")
    [line] = lines(tmp_path, capsys)
    assert "test: class 'cell' occurs in none of the 2 images, and " in line
    assert "such as 255, write classes as a mapping" in line


def test_a_split_that_cannot_be_opened_leaves_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_lists(tmp_path, {"train": NAMES})
    [line] = lines(tmp_path, capsys)
    assert "classes.yaml: splits.val = 'val.txt': " in line


def test_every_data_set_can_be_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the fake VOC 2012, whose test split is val again; and of scenes."""
    fake_voc(tmp_path)
    source = find_dataset("voc2012")
    splits, problems = inspect(source, tmp_path, SPLITS, 64, workers=1)
    assert [found.name for found in splits] == ["train", "val"]
    assert splits[1].sizes == {VOC_SIZES["small"], VOC_SIZES["square"]}
    assert len(problems) == 2 * (21 - 3)  # of 21 classes, either split has three
    assert main(["data", "check", "digits", "--split", "val", "--size", "24"]) == 0
    assert "no problems found" in capsys.readouterr().out


@pytest.mark.parametrize("split", ["train", "test"])
def test_markup_in_names_is_text(
    split: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    description = "classes: ['[red]ground[/red]', ':cat:']\nsplits: {val: 0.3, test: 0.2}\n"
    own_folder(tmp_path, description)
    assert main(["data", "check", dataset(tmp_path), "--split", split]) == 0
    out = capsys.readouterr().out
    assert "[red]ground[/red]" in out
    assert ":cat:" in out


def test_a_download_needs_a_folder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ABLATE_DATA", raising=False)
    assert main(["data", "download", "voc2012"]) == 2
    assert "pass --data-folder or set ABLATE_DATA" in capsys.readouterr().err
