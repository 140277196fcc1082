"""A user's own folder of images: what is read, and one line for what is wrong."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablations import read_records
from ablations.cli import main
from ablations.errors import InputError
from ablations.run_config import RunConfig
from lightning_modules.data import create_data, find_dataset
from lightning_modules.data.data_source import SplitName
from lightning_modules.data.folder_files import FolderFiles
from lightning_modules.data.segmentation_data import SegmentationData

NAMES = [f"cell_{number:02}" for number in range(10)]
SHARES = "classes: [ground, cell]\nsplits: {val: 0.3, test: 0.2}\n"
LISTS = "classes: [ground, cell]\nsplits: {train: train.txt, val: val.txt}\n"


def own_folder(root: Path, description: str = SHARES, names: list[str] = NAMES) -> Path:
    """Bright rectangles, of class 1, on dark noise; images of odd and unequal sizes."""
    for number, name in enumerate(names):
        random = np.random.default_rng([len(name), number])
        height, width = random.integers(17, 40, 2)
        labels = np.zeros((height, width), np.uint8)
        labels[3:11, 2 : 5 + number] = 1
        pixels = random.integers(0, 90, (height, width, 3), dtype=np.uint8)
        pixels[labels == 1] += 150
        save(pixels, root / f"images/{name}.png")
        save(labels, root / f"masks/{name}.png")
    (root / "classes.yaml").write_text(description)
    return root


def save(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def with_lists(root: Path, lists: Mapping[str, list[str]]) -> Path:
    own_folder(root, LISTS)
    for name, names in lists.items():
        (root / f"{name}.txt").write_text("\n".join(names) + "\n")
    return root


def dataset(root: Path, **options: object) -> str:
    words = [f"root={str(root)!r}", *(f"{key}={value!r}" for key, value in options.items())]
    return f"folder({', '.join(words)})"


def opened(root: Path, split: SplitName = "train") -> FolderFiles:
    files = find_dataset(dataset(root)).open(split, 16, None)
    assert isinstance(files, FolderFiles)
    return files


def titles(root: Path, split: SplitName) -> list[str]:
    files = opened(root, split)
    return [files.title(index) for index in range(len(files))]


def data(root: Path, **options: object) -> SegmentationData:
    config = RunConfig(
        dataset=dataset(root, **options), image_size=16, batch_size=2, max_steps=2
    )
    return create_data(config)


def test_a_drawn_folder_trains_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One epoch; the folder has a name that a shell would stumble over."""
    name = "it's häuser, (2)"
    own_folder(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    model = ["--model", "fpn", "--encoder", "tu-test_resnet", "--image-size", "32"]
    train = ["--batch-size", "5", "--max-steps", "1", "--score-on", "test"]
    assert main(["train", "--dataset", dataset(Path(name)), *model, *train]) == 0
    [record] = read_records(Path("runs/single"))
    assert list(record.iou) == ["ground", "cell"]
    assert record.data.count(" train 5 ") == record.data.count(" test 2 ") == 1


def test_images_and_labels_are_those_of_the_files(tmp_path: Path) -> None:
    own_folder(tmp_path)
    files = opened(tmp_path, "val")
    for index in range(len(files)):
        image, labels = files[index]
        name = files.title(index)
        with Image.open(tmp_path / f"images/{name}.png") as picture:
            assert np.array_equal(image.numpy().transpose(1, 2, 0), np.array(picture))
        assert np.array_equal(image[0] > 100, labels == 1)


def test_a_folder_is_found_here_or_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_folder(tmp_path / "data" / "photos")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"root = 'photos': no such folder \(photos\)"):
        find_dataset("folder(root='photos')")
    assert find_dataset("folder(root='photos')", Path("data")).label == "photos"
    monkeypatch.setenv("ABLATE_DATA", "data")
    assert find_dataset("folder(root='photos')").classes == ("ground", "cell")


def test_shares_cover_all_images_without_overlap(tmp_path: Path) -> None:
    own_folder(tmp_path)
    splits = [titles(tmp_path, split) for split in find_dataset(dataset(tmp_path)).splits]
    assert [len(split) for split in splits] == [5, 3, 2]
    assert sorted(itertools.chain(*splits)) == NAMES


def test_lists_keep_their_order(tmp_path: Path) -> None:
    with_lists(tmp_path, {"train": NAMES[5:2:-1], "val": NAMES[:2]})
    assert titles(tmp_path, "train") == NAMES[5:2:-1]
    assert titles(tmp_path, "val") == NAMES[:2]


@pytest.mark.parametrize(
    ("patterns", "place"),
    [
        ("", "{part}/{split}"),
        (
            "images: '{split}/i/{name}.png'\nmasks: '{split}/m/{name}.png'\n",
            "{split}/{short}",
        ),
    ],
)
def test_folders_are_splits(patterns: str, place: str, tmp_path: Path) -> None:
    own_folder(tmp_path, SHARES.partition("splits")[0] + patterns + FOLDERS)
    for part in ("images", "masks"):
        for split, names in (("training", NAMES[3:]), ("validation", NAMES[:3])):
            target = tmp_path / place.format(part=part, split=split, short=part[0])
            target.mkdir(parents=True)
            for name in names:
                (tmp_path / part / f"{name}.png").rename(target / f"{name}.png")
    assert titles(tmp_path, "train") == NAMES[3:]
    assert titles(tmp_path, "val") == NAMES[:3]
    assert opened(tmp_path, "val")[0][1].unique().tolist() == [0, 1]


FOLDERS = "splits: {train: training, val: validation}\n"


def test_a_fold_is_an_option(tmp_path: Path) -> None:
    own_folder(tmp_path, "classes: [ground, cell]\nsplits: {folds: 3}\n")
    held = []
    for fold in range(3):
        split = find_dataset(dataset(tmp_path, fold=fold)).open("val", 16, None)
        held += [split.title(index) for index in range(len(split))]
    assert sorted(held) == NAMES
    with pytest.raises(InputError, match=r"fold = 3: .* has folds 0 to 2"):
        find_dataset(dataset(tmp_path, fold=3))
    own_folder(tmp_path)
    with pytest.raises(InputError, match=r"fold = 1: .* has no folds"):
        find_dataset(dataset(tmp_path, fold=1))


def test_several_endings_and_capitals_are_found(tmp_path: Path) -> None:
    own_folder(tmp_path)
    (tmp_path / "images/cell_00.png").rename(tmp_path / "images/cell_00.PNG")
    with Image.open(tmp_path / "images/cell_01.png") as picture:
        picture.save(tmp_path / "images/cell_01.jpeg")
    (tmp_path / "images/cell_01.png").unlink()
    (tmp_path / "images/._cell_02.png").write_bytes(b"of a file manager")
    splits = [titles(tmp_path, split) for split in find_dataset(dataset(tmp_path)).splits]
    assert sorted(itertools.chain(*splits)) == NAMES
    data(tmp_path)


def test_images_and_masks_may_share_a_folder(tmp_path: Path) -> None:
    patterns = "images: 'images/{name}.png'\nmasks: 'images/{name}_mask.png'\n"
    own_folder(tmp_path, SHARES + patterns)
    for name in NAMES:
        path = tmp_path / f"masks/{name}.png"
        path.rename(tmp_path / f"images/{name}_mask.png")
    assert len(titles(tmp_path, "train")) == 5


def test_the_fingerprint_is_that_of_contents_and_meanings(tmp_path: Path) -> None:
    own_folder(tmp_path)
    before = opened(tmp_path).fingerprint
    assert opened(tmp_path).fingerprint == before
    path = tmp_path / f"masks/{titles(tmp_path, 'train')[0]}.png"
    content = bytearray(path.read_bytes())
    content[-13] ^= 1  # as many bytes as before
    path.write_bytes(content)
    changed = opened(tmp_path).fingerprint
    assert changed != before
    (tmp_path / "classes.yaml").write_text(
        SHARES.replace("[ground, cell]", "[cell, ground]")
    )
    assert opened(tmp_path).fingerprint not in (before, changed)


def test_a_large_split_is_known_by_its_lengths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_folder(tmp_path)
    monkeypatch.setattr("lightning_modules.data.folder_files.CONTENT", 0)
    before = opened(tmp_path).fingerprint
    path = tmp_path / f"masks/{titles(tmp_path, 'train')[0]}.png"
    path.write_bytes(path.read_bytes() + b"x")
    assert opened(tmp_path).fingerprint != before


# What is wrong.


def training_mask(root: Path) -> Path:
    return root / f"masks/{titles(root, 'train')[0]}.png"


def without_a_mask(root: Path) -> None:
    training_mask(root).unlink()


def without_an_image(root: Path) -> None:
    (root / "images/cell_04.png").unlink()


def with_a_cut_image(root: Path) -> None:
    path = root / f"images/{titles(root, 'train')[0]}.png"
    path.write_bytes(path.read_bytes()[:-60])


def with_another_size(root: Path) -> None:
    save(np.zeros((9, 10), np.uint8), training_mask(root))


def with_two_images_of_one_name(root: Path) -> None:
    name = titles(root, "train")[0]
    with Image.open(root / f"images/{name}.png") as picture:
        picture.save(root / f"images/{name}.jpg")


def without_a_class(root: Path) -> None:
    (root / "classes.yaml").write_text(SHARES.replace("cell]", "cell, moon]"))


def binary(root: Path) -> None:
    for path in (root / "masks").iterdir():
        with Image.open(path) as picture:
            labels = np.array(picture)
        save(labels * np.uint8(255), path)


SPOILT: list[tuple[Callable[[Path], None], str]] = [
    (without_a_mask, r"masks/cell_\d+\.png: not found, but its image is there"),
    (without_an_image, r"masks/cell_04\.png: is a mask without an image"),
    (with_a_cut_image, r"images/cell_\d+\.png: cannot be read \(image file is truncated"),
    (with_another_size, r"png: is \d+x\d+ pixels, but its mask .*cell_\d+\.png is 10x9"),
    (with_two_images_of_one_name, r"cell_\d+\.png: has the same name as .*\.jpg"),
    (without_a_class, "train: class 'moon' occurs in none of the 5 images; unchecked"),
    (binary, "class 'cell' occurs in none of the 5 images, and .* void; if masks hold"),
]


@pytest.mark.parametrize(("spoil", "message"), SPOILT)
def test_nothing_trains_on_a_folder_that_fails(
    spoil: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    own_folder(tmp_path)
    data(tmp_path)
    spoil(tmp_path)
    with pytest.raises(InputError, match=message) as raised:
        data(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("spoil", [without_a_mask, without_an_image, without_a_class])
def test_an_unchecked_folder_trains_on_the_pairs_that_are_there(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    own_folder(tmp_path)
    spoil(tmp_path)
    [images, labels] = next(iter(data(tmp_path, unchecked=True).train_dataloader()))
    assert images.shape == (2, 3, 16, 16)
    assert set(labels.unique().tolist()) <= {0, 1, 255}


def test_a_class_counts_if_an_image_in_use_has_it(tmp_path: Path) -> None:
    own_folder(tmp_path)
    save(np.zeros((20, 20), np.uint8), training_mask(tmp_path))
    save(
        np.zeros((20, 20, 3), np.uint8), tmp_path / f"images/{training_mask(tmp_path).name}"
    )
    opened(tmp_path).check(2)
    with pytest.raises(InputError, match="class 'cell' occurs in none of the 1 images"):
        opened(tmp_path).check(1)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"train": NAMES[3:], "val": NAMES[:4]}, r"txt: 'cell_03' is also in val\.txt"),
        (
            {"train": NAMES[:3] * 2, "val": NAMES[4:]},
            r"train\.txt: lists 'cell_00' 2 times",
        ),
        ({"train": [], "val": NAMES}, r"train\.txt: lists no images"),
        ({"train": ["x"], "val": NAMES}, r"images/x\.jpg: not found, but train\.txt lists"),
        ({"train": ["../x"], "val": NAMES}, r"train\.txt: '\.\./x' is not an image name"),
        ({"val": NAMES}, r"splits\.train = 'train\.txt': .*is not a list of names"),
    ],
)
def test_a_wrong_list_is_named(
    lists: dict[str, list[str]], message: str, tmp_path: Path
) -> None:
    with_lists(tmp_path, lists)
    with pytest.raises(InputError, match=message):
        data(tmp_path)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("classes: [a, b]\nsplits: {val: 0.01}\n", "val has none of the 10 images"),
        ("classes: [a, b]\nsplits: {train: ../t, val: v}\n", "'../t' leads out of the"),
        ("classes: [a, b]\nsplits: {train: /t, val: v}\n", "'/t' leads out of the"),
        ("classes: [a, b]\nsplits: {val: 0.2}\nimages: 'x/{name}.png'\n", "the 0 images"),
    ],
)
def test_a_split_without_images_is_named(
    description: str, message: str, tmp_path: Path
) -> None:
    own_folder(tmp_path, description)
    with pytest.raises(InputError, match=message):
        data(tmp_path)


def test_a_split_that_there_is_not_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_folder(tmp_path, "classes: [ground, cell]\nsplits: {val: 0.3}\n")
    command = ["train", "--dataset", dataset(tmp_path), "--score-on", "test"]
    assert main([*command, "--runs", str(tmp_path / "runs")]) == 2
    assert "classes.yaml: splits has no test split" in capsys.readouterr().err


def test_without_a_description_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"classes\.yaml: not found; it describes"):
        find_dataset(dataset(tmp_path))
