"""PASCAL VOC 2012, from a folder in torchvision's layout.

Everingham, Van Gool, Williams, Winn and Zisserman, "The PASCAL Visual Object Classes
Challenge 2012", http://host.robots.ox.ac.uk/pascal/VOC/voc2012/. The photographs are from
flickr and under flickr's terms of use.

| split | images | list and masks |
|---|---|---|
| train | 10,582 | trainaug.txt, SegmentationClassAug, if both are there |
| train | 1,464 | train.txt, SegmentationClass, otherwise |
| val, test | 1,449 | val.txt, SegmentationClass |

The masks of trainaug are not in VOC's own archive, see trainaug.py. With train='trainaug' a
folder without them is an error. The labels of the challenge's test images are not public,
so `test` is `val`.

Evaluation: 21 classes, the background among them; 255, the border of objects and what is
difficult, is void; mean over the classes of the IoU of the whole split.
"""

from functools import partial
from pathlib import Path
from typing import Literal

from ablations.errors import InputError
from lightning_modules.data.data_layout import Layout
from lightning_modules.data.data_source import DataSource, SplitName
from lightning_modules.data.image_files import as_stored
from lightning_modules.data.name_list import read_list
from lightning_modules.data.paired_files import Pair, PairedFiles
from lightning_modules.data.scale_and_crop import augment, prepare
from lightning_modules.data.trainaug import LISTS

CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus",
    "car", "cat", "chair", "cow", "dining table", "dog", "horse", "motorbike",
    "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip
LAYOUT = Layout(
    "voc2012",
    "VOCdevkit/VOC2012",
    ("JPEGImages", "SegmentationClass", LISTS),
    "unpack VOCtrainval_11-May-2012.tar of "
    "http://host.robots.ox.ac.uk/pascal/VOC/voc2012 into the data folder",
    can_download=True,
)
TrainingList = Literal["any", "train", "trainaug"]  # any: trainaug if it is there


def open_split(
    name: SplitName, size: int, folder: Path | None, train: TrainingList = "any"
) -> PairedFiles:
    root = LAYOUT.find(folder)
    listing, masks = "val", root / "SegmentationClass"
    if name == "train":
        listing, masks = training_list(root, train)
    names = read_list(root / LISTS / f"{listing}.txt")
    pairs = [
        Pair(name, (root / f"JPEGImages/{name}.jpg", masks / f"{name}.png"))
        for name in names
    ]
    label, labels = f"voc2012 {listing}", as_stored(len(CLASSES))
    return PairedFiles(label, pairs, labels, origin=f"{listing}.txt")


def training_list(root: Path, train: TrainingList) -> tuple[str, Path]:
    """The name of the list of training images, and the folder of their masks."""
    listing, masks = root / LISTS / "trainaug.txt", root / "SegmentationClassAug"
    found = {listing: listing.is_file(), masks: masks.is_dir()}
    if train == "trainaug" and not all(found.values()):
        missing = next(path for path in found if not found[path])
        raise InputError(
            f"{missing}: not found; VOC's own archive has neither trainaug.txt nor "
            "SegmentationClassAug: add them with `ablate data download voc2012`, or write "
            "voc2012(train='train')"
        )
    if train == "train" or not all(found.values()):
        return "train", root / "SegmentationClass"
    return "trainaug", masks


def voc2012(train: TrainingList = "any") -> DataSource:
    opened = partial(open_split, train=train)
    return DataSource("PASCAL VOC 2012", CLASSES, opened, augment, prepare)
