"""Published data sets: their layouts and label tables, and what is said if one is away."""

from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torchvision.datasets import Cityscapes, OxfordIIITPet, VOCSegmentation

from ablations.cli import main
from ablations.errors import InputError
from ablations.run_config import RunConfig
from lightning_modules.data import (
    ade20k,
    cityscapes,
    create_data,
    find_dataset,
    oxford_pet,
    voc2012,
)
from lightning_modules.data import download as downloads
from lightning_modules.data.data_source import VOID, SplitName
from lightning_modules.data.download import LAYOUTS, download
from lightning_modules.data.label_table import by_table
from lightning_modules.data.paired_files import PairedFiles
from lightning_modules.data.trainaug import add_trainaug
from tests.fake_data import (
    PETS,
    TWINS,
    fake_ade20k,
    fake_cityscapes,
    fake_pets,
    fake_trainaug,
    fake_voc,
    save_grey,
    save_photo,
    stripes,
    write_list,
    write_twin,
)


def files_of(split: PairedFiles) -> list[tuple[str, str]]:
    return [(str(image), str(mask)) for image, mask in (pair.files for pair in split.pairs)]


def labels_of(split: PairedFiles, index: int) -> list[int]:
    """One row of a mask: all rows of a twin's masks are equal."""
    labels = split[index][1]
    assert (labels == labels[:1]).all()
    row: list[int] = labels[0].tolist()
    return row


# Every set.


@pytest.mark.parametrize("name", TWINS)
def test_an_epoch_of_every_twin_can_be_trained_from_the_command_line(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_twin(name, tmp_path)
    command = (
        f"train --dataset {name} --model fpn --encoder tu-test_resnet --image-size 64 "
        f"--val-images 2 --batch-size 2 --max-steps 5 --accelerator cpu"
    ).split()
    paths = ["--runs", str(tmp_path / "runs"), "--data-folder", str(tmp_path)]
    assert main(command + paths) == 0
    assert "mIoU " in capsys.readouterr().out
    assert len(list((tmp_path / "runs").rglob("record.json"))) == 1


@pytest.mark.parametrize("name", TWINS)
def test_classes_are_named_once_each_and_none_is_void(name: str) -> None:
    classes = find_dataset(name).classes
    assert len(set(classes)) == len(classes) < VOID
    assert all(label == label.strip() for label in classes)


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_titles_name_images_once(name: str, split: SplitName, tmp_path: Path) -> None:
    write_twin(name, tmp_path)
    opened = find_dataset(name).open(split, 32, tmp_path)
    titles = [opened.title(index) for index in range(len(opened))]
    assert len(set(titles)) == len(titles) > 1
    opened.check(len(opened))


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_set_that_is_away_says_in_one_line_where_it_comes_from(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ABLATE_DATA", raising=False)
    assert main(["train", "--dataset", name]) == 2
    told = capsys.readouterr().err
    assert told.startswith(
        f"ablate: {name} needs the folder that holds {LAYOUTS[name].root}: "
    )
    assert main(["train", "--dataset", name, "--data-folder", str(tmp_path)]) == 2
    missing = capsys.readouterr().err
    assert missing.startswith(f"ablate: {tmp_path / LAYOUTS[name].root}")
    for line in (told, missing):
        assert line.count("\n") == 1
        assert "http" in line


@pytest.mark.parametrize(
    ("name", "pattern", "message"),
    [
        (
            "cityscapes",
            "leftImg8bit/val/*/*",
            r"leftImg8bit/val: holds no \*/\*_leftImg8bit",
        ),
        (
            "ade20k",
            "images/validation/*",
            r"images/validation: holds no \*\.jpg; unpack ADE",
        ),
        (
            "cityscapes",
            "gtFine/val/lindau/*",
            "labelIds.png: not found, but leftImg8bit/val",
        ),
        (
            "ade20k",
            "annotations/validation/*",
            "1.png: not found, but images/validation li",
        ),
        (
            "oxford_pet",
            "annotations/trimaps/pug*",
            "pug_7.png: not found, but trainval.txt l",
        ),
    ],
)
def test_missing_files_are_named(
    name: str, pattern: str, message: str, tmp_path: Path
) -> None:
    for path in TWINS[name](tmp_path).glob(pattern):
        path.unlink()
    with pytest.raises(InputError, match=message):
        create_data(RunConfig(dataset=name, batch_size=2), tmp_path)


# Cityscapes.


def test_cityscapes_files_are_those_of_torchvision_in_an_order_of_their_own(
    tmp_path: Path,
) -> None:
    root = fake_cityscapes(tmp_path)
    for name, used in {"train": "train", "val": "val", "test": "val"}.items():
        theirs = Cityscapes(root, used, target_type="semantic")
        expected = zip(theirs.images, (one for [one] in theirs.targets), strict=True)
        split = cityscapes.open_split(name, 16, tmp_path)  # type: ignore[arg-type]
        assert files_of(split) == sorted(expected)


def test_cityscapes_trains_19_of_its_labels_and_the_rest_is_void(tmp_path: Path) -> None:
    fake_cityscapes(tmp_path)
    known = {7: "road", 8: "sidewalk", 11: "building", 23: "sky", 26: "car", 33: "bicycle"}
    classes = {label.id: label.train_id for label in Cityscapes.classes}
    names = {label.train_id: label.name for label in Cityscapes.classes}
    row = labels_of(cityscapes.open_split("val", 16, tmp_path), 0)
    stored = [column * 34 // len(row) for column in range(len(row))]
    assert set(stored) == set(range(34))
    assert row == [classes[number] for number in stored]
    assert sorted({label for label in row if label != VOID}) == list(range(19))
    assert [names[index] for index in range(19)] == list(cityscapes.CLASSES)
    for number, name in known.items():
        assert cityscapes.CLASSES[row[stored.index(number)]] == name


# ADE20K.


def test_ade20k_counts_from_1_and_0_is_void(tmp_path: Path) -> None:
    fake_ade20k(tmp_path)
    split = ade20k.open_split("train", 16, tmp_path)
    assert [split.title(index) for index in range(3)] == [
        "ADE_train_00000001",
        "ADE_train_00000002",
        "ADE_train_00000003",
    ]
    row = labels_of(split, 0)
    assert sorted(set(row)) == [0, 74, 149, VOID]
    assert (row[0], row[-1]) == (VOID, 149)
    assert len(ade20k.open_split("test", 16, tmp_path)) == 2


def test_ade20k_has_the_150_names_of_the_benchmark() -> None:
    """Rows of objectInfo150, which counts from 1."""
    rows = {1: "wall", 13: "person", 21: "car", 75: "computer", 76: "swivel chair",
            100: "buffet", 137: "traffic light", 150: "flag"}  # fmt: skip
    assert len(ade20k.CLASSES) == 150
    assert {row: ade20k.CLASSES[row - 1] for row in rows} == rows


# Oxford-IIIT Pet.


def test_pets_are_split_into_four_fifths_one_fifth_and_the_published_test_set(
    tmp_path: Path,
) -> None:
    root = fake_pets(tmp_path)
    opened: dict[SplitName, list[str]] = {}
    for name in ("train", "val", "test"):
        split = oxford_pet.open_split(name, 16, tmp_path)
        opened[name] = [pair.title for pair in split.pairs]
    assert opened["val"] == [sorted(PETS)[4], sorted(PETS)[9]]
    assert sorted(opened["train"] + opened["val"]) == sorted(PETS)
    theirs = OxfordIIITPet(root.parent, "test", "segmentation")
    assert sorted(opened["test"]) == sorted(path.stem for path in theirs._images)


def test_the_published_list_of_pets_gives_the_numbers_that_are_documented() -> None:
    titles = [f"pet_{number}" for number in range(3680)]
    parts = [len(oxford_pet.part_of(name, titles)) for name in ("train", "val")]
    assert parts == [2944, 736]
    assert all(f"{count:,}" in str(oxford_pet.__doc__) for count in parts)


def test_pets_that_are_no_jpeg_files_are_read_as_what_they_are(tmp_path: Path) -> None:
    root = fake_pets(tmp_path)
    split = oxford_pet.open_split("train", 16, tmp_path)
    titles = [pair.title for pair in split.pairs]
    for title, kind in {"Abyssinian_34": "GIF", "Egyptian_Mau_14": "PNG"}.items():
        path = root / f"images/{title}.jpg"
        with Image.open(path) as picture:
            assert picture.format == kind
            expected = np.array(picture.convert("RGB")).transpose(2, 0, 1)
        assert np.array_equal(split[titles.index(title)][0], expected)


def test_a_pet_is_class_1_and_its_border_is_void(tmp_path: Path) -> None:
    fake_pets(tmp_path)
    row = labels_of(oxford_pet.open_split("val", 16, tmp_path), 0)
    assert [row[0], row[len(row) // 2], row[-1]] == [1, 0, VOID]


# VOC.


def test_voc_files_are_those_of_torchvision(tmp_path: Path) -> None:
    fake_voc(tmp_path)
    for name in ("train", "val"):
        theirs = VOCSegmentation(tmp_path, image_set=name)
        expected = list(zip(theirs.images, theirs.targets, strict=True))
        split = voc2012.open_split(name, 16, tmp_path)
        assert files_of(split) == expected


# Label tables.


def test_a_number_outside_a_table_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    save_grey(path, (3, 7), (1, 4, 2, 200))
    with Image.open(path) as picture, pytest.raises(InputError) as raised:
        by_table({1: 0, 2: 1, 3: VOID})(picture, path)
    assert str(raised.value) == (
        f"{path}: unknown labels 4 (6 pixels), 200 (3 pixels); allowed are 1 to 3"
    )


@pytest.mark.parametrize("mode", ["L", "I;16"])
def test_a_table_translates_masks_of_any_depth(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "mask.png"
    stripes((2, 9), (9, 3, 5)).convert(mode).save(path)
    with Image.open(path) as picture:
        labels = by_table({3: 1, 5: VOID, 9: 0})(picture, path)
    assert labels.dtype == np.uint8
    assert torch.from_numpy(labels)[1].tolist() == [0, 0, 0, 1, 1, 1, VOID, VOID, VOID]


# Downloads.


def test_a_download_leaves_a_set_where_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes = {"voc2012": fake_trainaug, "oxford_pet": fake_pets}
    assert set(downloads.DOWNLOADS) == set(fakes)
    for name, fake in fakes.items():
        monkeypatch.setitem(downloads.DOWNLOADS, name, fake)
        download(name, tmp_path / "new" / name)
        data = create_data(RunConfig(dataset=name, batch_size=2), tmp_path / "new" / name)
        assert len(data.val) == 2


def save_sbd(folder: Path, sizes: dict[str, tuple[int, int]]) -> None:
    """SBD with masks of 5 and 0, its images listed in two halves."""
    (folder / "cls").mkdir(parents=True)
    for name, size in sizes.items():
        truth = {"GTcls": {"Segmentation": np.array(stripes(size, (5, 0)))}}
        savemat(folder / f"cls/{name}.mat", truth)
    write_list(folder / "train.txt", list(sizes)[::2])
    write_list(folder / "val.txt", list(sizes)[1::2])


def test_trainaug_is_voc_s_own_training_list_and_sbd_without_voc_s_validation(
    tmp_path: Path,
) -> None:
    root = fake_voc(tmp_path)
    others = {"wide": (20, 31), "square": (24, 24), "new": (11, 14), "last": (8, 7)}
    for name in ("new", "last"):
        save_photo(root / f"JPEGImages/{name}.jpg", others[name])
    save_sbd(tmp_path / "sbd", others)
    add_trainaug(root, tmp_path / "sbd")
    split = voc2012.open_split("train", 16, tmp_path, "trainaug")
    assert [pair.title for pair in split.pairs] == ["last", "new", "tall", "wide"]
    assert labels_of(split, 1) == [5] * 7 + [0] * 7
    assert set(labels_of(split, 3)) == {0, 7, 20, VOID}  # VOC's own mask, not SBD's
    split.check(4)


def test_torchvision_is_asked_for_what_the_sets_expect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pets and SBD are not fetched again; a second download of VOC changes nothing."""
    fetched: list[tuple[str, Path]] = []

    def fetch(url: str, download_root: Path, filename: str = "", md5: str = "") -> None:
        fetched.append((url.rsplit("/", 1)[1], Path(download_root)))

    for module in ("voc", "oxford_iiit_pet", "sbd"):
        monkeypatch.setattr(
            f"torchvision.datasets.{module}.download_and_extract_archive", fetch
        )
    fake_pets(tmp_path)
    fake_voc(tmp_path)
    save_sbd(tmp_path / "sbd", {"wide": (20, 31), "tall": (33, 18)})
    download("oxford_pet", tmp_path)
    download("voc2012", tmp_path)
    before = voc2012.open_split("train", 16, tmp_path, "trainaug").fingerprint
    download("voc2012", tmp_path)
    assert voc2012.open_split("train", 16, tmp_path, "trainaug").fingerprint == before
    assert fetched == [("VOCtrainval_11-May-2012.tar", tmp_path)] * 2


def test_voc_without_sbd_is_said_to_be_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(url: str, *args: object, **options: object) -> None:
        if "VOC" not in url:
            raise URLError("no network")

    for module in ("voc", "sbd"):
        monkeypatch.setattr(
            f"torchvision.datasets.{module}.download_and_extract_archive", fetch
        )
    fake_voc(tmp_path)
    with pytest.raises(InputError, match=r"^VOC 2012 is in .*, but trainaug could not be"):
        download("voc2012", tmp_path)
    assert len(create_data(RunConfig(dataset="voc2012", batch_size=2), tmp_path).train) == 2


@pytest.mark.parametrize("name", downloads.DOWNLOADS)
def test_without_a_network_a_download_ends_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*args: object, **options: object) -> None:
        raise URLError("no\nnetwork")

    for module in ("voc", "oxford_iiit_pet"):
        monkeypatch.setattr(
            f"torchvision.datasets.{module}.download_and_extract_archive", fetch
        )
    with pytest.raises(InputError, match=f"{name} could not be downloaded to ") as raised:
        download(name, tmp_path)
    assert "\n" not in str(raised.value)
    assert "; try again, or unpack " in str(raised.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cityscapes", "cannot be downloaded automatically: unpack leftImg8bit_trainvalte"),
        ("ade20k", "cannot be downloaded automatically: unpack ADEChallengeData2016.zip"),
        ("digits", "digits needs no download"),
        ("cityscape", "unknown data set 'cityscape'; did you mean 'cityscapes'"),
    ],
)
def test_what_cannot_be_downloaded_is_said_before_a_folder_is_made(
    name: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        download(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_layout_says_whether_its_set_can_be_downloaded() -> None:
    can = {name for name, layout in LAYOUTS.items() if layout.can_download}
    assert can == set(downloads.DOWNLOADS)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/new: cannot be written"):
        download("voc2012", tmp_path / "file" / "new")
