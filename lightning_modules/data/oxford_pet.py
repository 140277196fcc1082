"""Oxford-IIIT Pet: cats and dogs against the background, from a folder on your disk.

Parkhi, Vedaldi, Zisserman and Jawahar, "Cats and Dogs", CVPR 2012,
https://www.robots.ox.ac.uk/~vgg/data/pets/. Creative Commons Attribution-ShareAlike 4.0.

| split | images | of the list |
|---|---|---|
| train | 2,944 | trainval.txt, all but every fifth name |
| val | 736 | trainval.txt, every fifth name in alphabetical order |
| test | 3,669 | test.txt |

Names begin with the breed, so every fifth of them is a fifth of each of the 37 breeds. The
split is ours: the paper has none. The files are images/NAME.jpg and
annotations/trimaps/NAME.png. About ten of the images are PNG or GIF files that are named
.jpg, all of them of Egyptian Maus and Abyssinians; a file is read as what it is.

Evaluation: two classes; in the files 1 is the pet, 2 the background, and 3, the border
between them, is void. mIoU is the mean of the IoU of both in the whole split.
"""

from pathlib import Path

from lightning_modules.data.data_layout import Layout
from lightning_modules.data.data_source import VOID, DataSource, SplitName
from lightning_modules.data.label_table import by_table
from lightning_modules.data.name_list import read_list
from lightning_modules.data.paired_files import Pair, PairedFiles
from lightning_modules.data.scale_and_crop import augment, prepare

CLASSES = ("background", "pet")
TABLE = {1: CLASSES.index("pet"), 2: CLASSES.index("background"), 3: VOID}
FOLD = 5  # one of so many images of trainval is for validation
LAYOUT = Layout(
    "oxford_pet",
    "oxford-iiit-pet",
    ("images", "annotations/trimaps"),
    "unpack images.tar.gz and annotations.tar.gz of "
    "https://www.robots.ox.ac.uk/~vgg/data/pets/ into the folder "
    "oxford-iiit-pet of the data folder",
    can_download=True,
)


def open_split(name: SplitName, size: int, folder: Path | None) -> PairedFiles:
    annotations = LAYOUT.find(folder) / "annotations"
    listing = "test.txt" if name == "test" else "trainval.txt"
    names = read_list(annotations / listing)
    titles = sorted(line.split()[0] for line in names)  # then the numbers of the breed
    images = annotations.parent / "images"
    pairs = [
        Pair(title, (images / f"{title}.jpg", annotations / f"trimaps/{title}.png"))
        for title in part_of(name, titles)
    ]
    return PairedFiles(f"oxford_pet {name}", pairs, by_table(TABLE), listing)


def part_of(name: SplitName, titles: list[str]) -> list[str]:
    """The split's part of a list."""
    if name == "test":
        return titles
    chosen = {"train": range(FOLD - 1), "val": [FOLD - 1]}[name]
    return [title for index, title in enumerate(titles) if index % FOLD in chosen]


def oxford_pet() -> DataSource:
    return DataSource("Oxford-IIIT Pet", CLASSES, open_split, augment, prepare)
