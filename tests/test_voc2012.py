"""VOC 2012 in a user's folder, tested with a fake of four tiny images."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from ablations.cli import main
from ablations.errors import InputError
from ablations.records import Failure
from ablations.run_config import RunConfig
from lightning_modules.data import create_data, show_data
from lightning_modules.data.data_source import VOID
from lightning_modules.data.scale_and_crop import augment
from lightning_modules.data.voc2012 import open_split
from tests.fake_data import VOC_LISTS, VOC_SIZES, fake_trainaug, fake_voc, save_mask

CONFIG = RunConfig(dataset="voc2012", image_size=16, batch_size=2, max_steps=3)


def test_images_keep_their_size_and_labels_are_palette_indices(tmp_path: Path) -> None:
    fake_voc(tmp_path)
    images = open_split("train", 16, tmp_path)
    image, labels = images[1]
    assert len(images) == 2
    assert image.shape == (3, 33, 18)
    assert labels.shape == (33, 18)
    assert labels.unique().tolist() == [0, 7, 20, VOID]


def test_batches_are_square_and_labelled(tmp_path: Path) -> None:
    fake_voc(tmp_path)
    data = create_data(CONFIG, tmp_path)
    assert len(data.classes) == 21
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        for images, labels in loader:
            assert images.shape == (2, 3, 16, 16)
            assert labels.shape == (2, 16, 16)
            assert set(labels.unique().tolist()) <= {0, 7, 20, VOID}


def test_validation_keeps_the_middle_of_the_image(tmp_path: Path) -> None:
    fake_voc(tmp_path)
    data = create_data(CONFIG, tmp_path)
    _, labels = next(iter(data.val_dataloader()))
    # 9 x 12 becomes 16 x 21, of which columns 2 to 17 remain; column j shows j * 12 // 21
    assert labels[0, 8].bincount(minlength=256)[[0, 7, 20, VOID]].tolist() == [4, 5, 5, 2]


def test_a_crop_beyond_the_edge_is_void_on_the_colour_given(tmp_path: Path) -> None:
    fake_voc(tmp_path)
    images = open_split("val", 64, tmp_path)
    fill = {tv_tensors.Image: [128, 7, 99], tv_tensors.Mask: VOID}
    torch.manual_seed(0)
    beyond = 0
    for _ in range(20):
        image, labels = augment(64, fill)(images[1])
        colour = torch.tensor(fill[tv_tensors.Image])[:, None, None]
        outside = (image == colour).all(dim=0)
        assert (labels[outside] == VOID).all()
        beyond += int(outside.any())
    assert 0 < beyond < 20


def test_the_augmented_list_is_used_where_its_masks_are(tmp_path: Path) -> None:
    root = fake_voc(tmp_path)
    plain = open_split("train", 16, tmp_path).fingerprint
    (root / "ImageSets/Segmentation/trainaug.txt").write_text("square\n")
    assert open_split("train", 16, tmp_path).fingerprint == plain
    save_mask(root / "SegmentationClassAug/square.png", VOC_SIZES["square"], (3,))
    augmented = open_split("train", 16, tmp_path)
    assert augmented.fingerprint.startswith("voc2012 trainaug 1 ")
    assert augmented[0][1].unique().tolist() == [3]
    assert open_split("val", 16, tmp_path).fingerprint.startswith("voc2012 val 2 ")


def test_a_training_list_that_is_asked_for_is_used_or_missed(tmp_path: Path) -> None:
    root = fake_voc(tmp_path)
    plain = open_split("train", 16, tmp_path, "train")
    assert plain.fingerprint == open_split("train", 16, tmp_path).fingerprint
    with pytest.raises(InputError, match=r"trainaug\.txt: not found; VOC's own archive"):
        open_split("train", 16, tmp_path, "trainaug")
    (root / "ImageSets/Segmentation/trainaug.txt").write_text("square\n")
    with pytest.raises(InputError, match="SegmentationClassAug: not found; VOC's own"):
        create_data(CONFIG.changed(dataset="voc2012(train='trainaug')"), tmp_path)


def test_trainaug_can_be_there_and_not_be_used(tmp_path: Path) -> None:
    fake_trainaug(tmp_path)
    titles = {"train": "voc2012 train 2 ", "trainaug": "voc2012 trainaug 2 "}
    for name, start in titles.items():
        config = CONFIG.changed(dataset=f"voc2012(train={name!r})")
        assert create_data(config, tmp_path).fingerprint.startswith(start)


def test_other_files_have_another_fingerprint(tmp_path: Path) -> None:
    root = fake_voc(tmp_path)
    before = open_split("val", 16, tmp_path).fingerprint
    save_mask(root / "SegmentationClass/small.png", VOC_SIZES["small"], (1,))
    assert open_split("val", 16, tmp_path).fingerprint != before


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--data-folder"):
        create_data(CONFIG)
    with pytest.raises(InputError, match=r"VOCdevkit/VOC2012/JPEGImages: no such folder"):
        create_data(CONFIG, tmp_path)
    root = fake_voc(tmp_path)
    (root / "JPEGImages/tall.jpg").unlink()
    with pytest.raises(InputError, match=r"tall\.jpg: not found, but train\.txt lists it"):
        create_data(CONFIG, tmp_path)
    (root / "ImageSets/Segmentation/train.txt").write_text("\n")
    with pytest.raises(InputError, match=r"train\.txt: lists no images"):
        create_data(CONFIG, tmp_path)


def test_a_mask_of_other_labels_is_named_with_them(tmp_path: Path) -> None:
    root = fake_voc(tmp_path)
    save_mask(root / "SegmentationClass/wide.png", VOC_SIZES["wide"], (0, 21))
    with pytest.raises(
        InputError,
        match=r"wide\.png: unknown labels 21 \(300 pixels\); allowed are 0 to 20, and 255",
    ):
        open_split("train", 16, tmp_path)[0]


def test_files_that_cannot_be_used_stop_a_run_before_it_trains(tmp_path: Path) -> None:
    root = fake_voc(tmp_path)
    save_mask(root / "SegmentationClass/square.png", (12, 24), (0, 7))
    Image.new("RGB", (31, 20)).save(root / "SegmentationClass/wide.png")
    with pytest.raises(InputError, match=r"wide\.png: is an image of mode RGB; a mask"):
        create_data(CONFIG, tmp_path)
    save_mask(root / "SegmentationClass/wide.png", VOC_SIZES["wide"], (0, 7))
    with pytest.raises(
        InputError,
        match=r"square\.jpg: is 24x24 pixels, but its mask .*square\.png is 24x12$",
    ):
        create_data(CONFIG, tmp_path)
    unaffected = RunConfig.parse(CONFIG.model_dump() | {"val_images": 1})
    create_data(unaffected, tmp_path)


@pytest.mark.parametrize("name", VOC_LISTS)
def test_a_split_of_void_only_stops_a_run_before_it_trains(
    tmp_path: Path, name: str
) -> None:
    root = fake_voc(tmp_path)
    for image in VOC_LISTS[name]:
        save_mask(root / f"SegmentationClass/{image}.png", VOC_SIZES[image], (VOID,))
    with pytest.raises(
        InputError, match=f"PASCAL VOC 2012, {name}: no labelled pixel in the 2 images"
    ):
        create_data(CONFIG, tmp_path)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_is_found_while_training_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    """Even if a process that loads data finds it."""
    root = fake_voc(tmp_path)
    save_mask(root / "SegmentationClass/tall.png", VOC_SIZES["tall"], (0, 99))
    command = (
        "train --dataset voc2012 --model fpn --image-size 32 --batch-size 2 --max-steps 1 "
        f"--no-augment --accelerator cpu --workers {workers}"
    ).split()
    paths = ["--runs", str(tmp_path / "runs"), "--data-folder", str(tmp_path)]
    assert main(command + paths) == 2
    mask = root / "SegmentationClass/tall.png"
    message = (
        f"{mask}: unknown labels 99 (297 pixels); allowed are 0 to 20, and 255 for void"
    )
    assert capsys.readouterr().err.splitlines()[-1] == f"ablate: {message}"
    [path] = tmp_path.rglob("failure.json")
    assert Failure.read(path).reason == f"InputError: {message}"


def test_a_contact_sheet_shows_images_of_many_sizes(tmp_path: Path) -> None:
    fake_voc(tmp_path)
    show_data("voc2012", tmp_path / "sheet.png", 32, "val", 2, tmp_path)
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
