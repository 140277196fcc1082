"""Tiny twins of the data sets that lie in files: noise, in their exact layout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

VOID = 255
Size = tuple[int, int]  # height, width
VOC_LISTS = {"train": ["wide", "tall"], "val": ["small", "square"]}
VOC_SIZES = {"wide": (20, 31), "tall": (33, 18), "small": (9, 12), "square": (24, 24)}
CITIES = {  # the files of two cities, and one that exists twice
    "train": {"aachen": [(37, 75), (36, 70)], "zurich": [(41, 81)]},
    "val": {"frankfurt": [(35, 71)], "lindau": [(39, 79)]},
}
PETS = {  # by name: what the file really is
    "Abyssinian_1": "JPEG",
    "Abyssinian_34": "GIF",
    "Bombay_10": "JPEG",
    "Bombay_2": "JPEG",
    "Birman_5": "JPEG",
    "Egyptian_Mau_14": "PNG",
    "beagle_116": "JPEG",
    "beagle_3": "JPEG",
    "boxer_12": "JPEG",
    "pug_7": "JPEG",
    "samoyed_9": "JPEG",
}


def fake_voc(folder: Path) -> Path:
    """VOC 2012 in torchvision's layout, with labels 0, 7, 20 and void."""
    root = folder / "VOCdevkit" / "VOC2012"
    for name, names in VOC_LISTS.items():
        write_list(root / f"ImageSets/Segmentation/{name}.txt", names)
    for name, size in VOC_SIZES.items():
        save_photo(root / f"JPEGImages/{name}.jpg", size)
        save_mask(root / f"SegmentationClass/{name}.png", size, (0, 7, 20, VOID))
    return root


def fake_trainaug(folder: Path) -> Path:
    """VOC 2012 with the list and the masks of trainaug."""
    root = fake_voc(folder)
    write_list(root / "ImageSets/Segmentation/trainaug.txt", ["wide", "tall"])
    for name in ("wide", "tall"):
        labels = (0, 7, 20, VOID)
        save_mask(root / f"SegmentationClassAug/{name}.png", VOC_SIZES[name], labels)
    return root


def fake_cityscapes(folder: Path) -> Path:
    """Five scenes in four cities, with all 34 labels."""
    root = folder / "cityscapes"
    for split, cities in CITIES.items():
        for city, sizes in cities.items():
            for number, size in enumerate(sizes):
                scene = f"{split}/{city}/{city}_{number:06}_000019"
                save_photo(root / f"leftImg8bit/{scene}_leftImg8bit.png", size)
                save_grey(root / f"gtFine/{scene}_gtFine_labelIds.png", size, range(34))
    return root


def fake_ade20k(folder: Path) -> Path:
    """Three scenes for training and two for validation, with 0, 1, 75 and 150."""
    root = folder / "ADEChallengeData2016"
    parts = {"training": ("train", 3), "validation": ("val", 2)}
    for part, (name, count) in parts.items():
        for number in range(1, count + 1):
            size, title = (25 + 4 * number, 42 - number), f"ADE_{name}_{number:08}"
            save_photo(root / f"images/{part}/{title}.jpg", size)
            save_grey(root / f"annotations/{part}/{title}.png", size, (0, 1, 75, 150))
    return root


def fake_pets(folder: Path) -> Path:
    """Eleven pets to learn from and two to test on; some are no JPEG files."""
    root = folder / "oxford-iiit-pet"
    lists = {"trainval": PETS, "test": {"pug_8": "JPEG", "Bombay_1": "JPEG"}}
    for listing, pets in lists.items():
        lines = [f"{name} 1 1 1" for name in pets]
        write_list(root / f"annotations/{listing}.txt", lines)
        for number, (name, kind) in enumerate(pets.items()):
            size = (23 + 2 * number, 45 - 3 * number)
            save_photo(root / f"images/{name}.jpg", size, kind)
            save_grey(root / f"annotations/trimaps/{name}.png", size, (1, 2, 3))
    return root


# By data set; sets that are drawn need no files.
TWINS: dict[str, Callable[[Path], Path]] = {
    "voc2012": fake_voc,
    "cityscapes": fake_cityscapes,
    "ade20k": fake_ade20k,
    "oxford_pet": fake_pets,
}


def write_twin(name: str, folder: Path) -> None:
    """Write the twin of a data set into a data folder, if the set lies in files."""
    if name in TWINS:
        TWINS[name](folder)


def write_list(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def save_photo(path: Path, size: Size, kind: str | None = None) -> None:
    """Write noise; kind is PIL's name of the format if the suffix does not tell it."""
    random = np.random.default_rng(list(path.stem.encode()))  # no two are equal
    pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, kind)


def stripes(size: Size, labels: tuple[int, ...] | range) -> Image.Image:
    """Labels in vertical stripes of about equal width."""
    columns = np.arange(size[1]) * len(labels) // size[1]
    return Image.fromarray(np.tile(np.array(labels, np.uint8)[columns], (size[0], 1)))


def save_grey(path: Path, size: Size, labels: tuple[int, ...] | range) -> None:
    """Write stripes as a grey PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stripes(size, labels).save(path)


def save_mask(path: Path, size: Size, labels: tuple[int, ...]) -> None:
    """Write stripes as a PNG with a palette."""
    mask = stripes(size, labels)
    mask.putpalette([value for index in range(256) for value in (index, 0, 0)])
    path.parent.mkdir(parents=True, exist_ok=True)
    mask.save(path)
