"""ADE20K, the scene parsing benchmark: 150 classes, from a folder on your disk.

Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017; the benchmark of 2016,
http://sceneparsing.csail.mit.edu. The images are for non-commercial research and education.

| split | images | folder |
|---|---|---|
| train | 20,210 | training |
| val, test | 2,000 | validation |

The labels of the test images are not public, so `test` is `val`. The files are
images/FOLDER/*.jpg and annotations/FOLDER/*.png, as ADEChallengeData2016.zip holds them.

Evaluation: 150 classes; 0 in the files, whatever is none of them, is void; mean over the
classes of the IoU of the whole split. (The benchmark's own score also averages in pixel
accuracy; papers report mIoU.) The names are the first of each row of the benchmark's
objectInfo150.
"""

from pathlib import Path

from lightning_modules.data.data_layout import Layout
from lightning_modules.data.data_source import VOID, DataSource, SplitName
from lightning_modules.data.label_table import by_table
from lightning_modules.data.paired_files import Pair, PairedFiles
from lightning_modules.data.scale_and_crop import augment, prepare

CLASSES = (
    "wall", "building", "sky", "floor", "tree", "ceiling", "road", "bed", "windowpane",
    "grass", "cabinet", "sidewalk", "person", "earth", "door", "table", "mountain",
    "plant", "curtain", "chair", "car", "water", "painting", "sofa", "shelf", "house",
    "sea", "mirror", "rug", "field", "armchair", "seat", "fence", "desk", "rock",
    "wardrobe", "lamp", "bathtub", "railing", "cushion", "base", "box", "column",
    "signboard", "chest of drawers", "counter", "sand", "sink", "skyscraper",
    "fireplace", "refrigerator", "grandstand", "path", "stairs", "runway", "case",
    "pool table", "pillow", "screen door", "stairway", "river", "bridge", "bookcase",
    "blind", "coffee table", "toilet", "flower", "book", "hill", "bench", "countertop",
    "stove", "palm", "kitchen island", "computer", "swivel chair", "boat", "bar",
    "arcade machine", "hovel", "bus", "towel", "light", "truck", "tower", "chandelier",
    "awning", "streetlight", "booth", "television receiver", "airplane", "dirt track",
    "apparel", "pole", "land", "bannister", "escalator", "ottoman", "bottle", "buffet",
    "poster", "stage", "van", "ship", "fountain", "conveyer belt", "canopy", "washer",
    "plaything", "swimming pool", "stool", "barrel", "basket", "waterfall", "tent",
    "bag", "minibike", "cradle", "oven", "ball", "food", "step", "tank", "trade name",
    "microwave", "pot", "animal", "bicycle", "lake", "dishwasher", "screen", "blanket",
    "sculpture", "hood", "sconce", "vase", "traffic light", "tray", "ashcan", "fan",
    "pier", "crt screen", "plate", "monitor", "bulletin board", "shower", "radiator",
    "glass", "clock", "flag",
)  # fmt: skip
TABLE = {0: VOID} | {index + 1: index for index in range(len(CLASSES))}
FOLDERS: dict[SplitName, str] = {
    "train": "training",
    "val": "validation",
    "test": "validation",
}
LAYOUT = Layout(
    "ade20k",
    "ADEChallengeData2016",
    tuple(f"{part}/{folder}" for part in ("images", "annotations")
          for folder in ("training", "validation")),
    "unpack ADEChallengeData2016.zip of http://sceneparsing.csail.mit.edu into the data "
    "folder",
)  # fmt: skip


def open_split(name: SplitName, size: int, folder: Path | None) -> PairedFiles:
    root, part = LAYOUT.find(folder), FOLDERS[name]
    masks = root / "annotations" / part
    pairs = [
        Pair(image.stem, (image, masks / f"{image.stem}.png"))
        for image in LAYOUT.files(root / "images" / part, "*.jpg")
    ]
    label, origin = f"ade20k {part}", f"images/{part}"
    return PairedFiles(label, pairs, by_table(TABLE), origin)


def ade20k() -> DataSource:
    return DataSource("ADE20K", CLASSES, open_split, augment, prepare)
