"""Cityscapes: street scenes with fine masks, 19 of 34 labels, from a folder on your disk.

Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016,
https://www.cityscapes-dataset.com. For non-commercial use, after registration; the licence
does not allow passing the images on.

| split | images, 1024 x 2048 | folder |
|---|---|---|
| train | 2,975 | train |
| val, test | 500 | val |

The masks of the test images are all void: their labels are only at the evaluation server.
So `test` is `val`. The files are leftImg8bit/SPLIT/CITY/*_leftImg8bit.png and
gtFine/SPLIT/CITY/*_gtFine_labelIds.png, as the two archives hold them.

Evaluation: the 19 classes of TRAINED in that order; every other label is void; mean over
the classes of the IoU of the whole split. (The 35th label, -1 for a licence plate, occurs
in no file.)
"""

from pathlib import Path

from lightning_modules.data.data_layout import Layout
from lightning_modules.data.data_source import VOID, DataSource, SplitName
from lightning_modules.data.label_table import by_table
from lightning_modules.data.paired_files import Pair, PairedFiles
from lightning_modules.data.scale_and_crop import augment, prepare

LABELS = 34  # numbers in the files: 0 to 33
TRAINED = {  # class by its number in the files, as labels.py of cityscapesScripts has it
    7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole",
    19: "traffic light", 20: "traffic sign", 21: "vegetation", 22: "terrain", 23: "sky",
    24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus", 31: "train",
    32: "motorcycle", 33: "bicycle",
}  # fmt: skip
CLASSES = tuple(TRAINED.values())
TABLE = dict.fromkeys(range(LABELS), VOID) | {
    number: index for index, number in enumerate(TRAINED)
}
LAYOUT = Layout(
    "cityscapes",
    "cityscapes",
    ("leftImg8bit/train", "leftImg8bit/val", "gtFine/train", "gtFine/val"),
    "unpack leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip, which are at "
    "https://www.cityscapes-dataset.com after registration, into the folder cityscapes "
    "of the data folder",
)
IMAGE, MASK = "_leftImg8bit.png", "_gtFine_labelIds.png"


def open_split(name: SplitName, size: int, folder: Path | None) -> PairedFiles:
    root, split = LAYOUT.find(folder), "val" if name == "test" else name
    images, masks = root / "leftImg8bit" / split, root / "gtFine" / split
    pairs = []
    for image in LAYOUT.files(images, f"*/*{IMAGE}"):
        title = image.name.removesuffix(IMAGE)
        pairs.append(Pair(title, (image, masks / image.parent.name / f"{title}{MASK}")))
    origin = f"leftImg8bit/{split}"
    return PairedFiles(f"cityscapes {split}", pairs, by_table(TABLE), origin)


def cityscapes() -> DataSource:
    return DataSource("Cityscapes", CLASSES, open_split, augment, prepare)
