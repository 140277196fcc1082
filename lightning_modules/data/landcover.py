"""Land cover of the Earth from space, labelled by a classifier; nothing to download.

The image is NASA's Blue Marble Next Generation (Stöckli, Vermote, Saleous, Simmon and
Herring, 2005), a cloud-free composite of one month of MODIS. The labels are MODIS land
cover MCD12C1 v006 of 2019 (Friedl and Sulla-Menashe,
https://doi.org/10.5067/MODIS/MCD12C1.006): 17 classes of the IGBP, merged into eight, with
void for wetland and cities, on the grid of the image. `earth/CREDITS.md` says where both
come from, and tests/landcover_files.py makes them.

The Earth is cut into 12 bands of 30 degrees of longitude, each of which spans all climates.
Validation and test have a pair of whole bands each: fold k validates on pair k and tests on
the next one, so over the six folds every place is in each split once. Tiles do not overlap,
are at least half land and lie between 72 N and 56 S. In training, an item is a tile with
its surroundings, as far as they belong to bands of training; crops are drawn there.

Positions are (row, column) in pixels of the strip from 72 N to 56 S (H = 1920, W = 5400).
"""

import hashlib
from collections.abc import Iterator
from functools import cache, cached_property, partial
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask

from ablations.errors import InputError
from lightning_modules.data.data_source import DataSource, Fill, Sample, SplitName
from lightning_modules.data.image_files import as_stored, read_pair

VERSION = 1  # of the tiles: a change of any needs a new number
CLASSES = (
    "water", "forest", "shrubland", "savanna", "grassland", "cropland", "snow and ice",
    "barren",
)  # fmt: skip
COLOURS = (
    (0.16, 0.43, 0.80), (0.05, 0.42, 0.16), (0.62, 0.42, 0.25), (0.95, 0.80, 0.25),
    (0.56, 0.84, 0.33), (0.90, 0.38, 0.55), (0.72, 0.94, 1.00), (0.87, 0.76, 0.60),
)  # fmt: skip
WATER = 0
FOLDER = Path(__file__).parent / "earth"
FILES = (FOLDER / "blue_marble.jpg", FOLDER / "land_cover.png")

DEGREE = 15  # pixels
NORTH, SOUTH = 72, -56  # degrees
BANDS, BAND = 12, 30 * DEGREE  # how many, and their width; band 0 begins at 180 W
# Bands that are held out together: each pair has all classes, and bands of the oceans (0, 1
# and 11, 4 and 5) are apart, so that no pair has little land.
PAIRS = ((3, 8), (6, 10), (0, 9), (1, 7), (2, 5), (4, 11))
LARGEST = BAND // 2  # side of a tile


class Earth(NamedTuple):
    """The strip between NORTH and SOUTH: image (3, H, W), labels (H, W), a hash of both."""

    image: Tensor
    labels: Tensor
    digest: str


class Tile(NamedTuple):
    row: int
    column: int


@cache
def earth() -> Earth:
    """Decoded once in a process, in half a second."""
    image, labels = read_pair(FILES, as_stored(len(CLASSES)))
    strip = slice((90 - NORTH) * DEGREE, (90 - SOUTH) * DEGREE)
    content = b"".join(path.read_bytes() for path in FILES)
    return Earth(
        image.as_subclass(Tensor)[:, strip].contiguous(),
        labels.as_subclass(Tensor)[strip].contiguous(),
        hashlib.sha256(content).hexdigest()[:8],
    )


def bands(split: SplitName, fold: int) -> list[int]:
    """The bands of a split, from west to east."""
    val, test = PAIRS[fold], PAIRS[(fold + 1) % len(PAIRS)]
    train = {*range(BANDS)} - {*val, *test}
    return sorted({"train": train, "val": val, "test": test}[split])


def tiles_in(band: int, side: int) -> Iterator[Tile]:
    """The tiles of a band that are at least half land, by rows."""
    labels = earth().labels
    for row in range(0, len(labels) - side + 1, side):
        for column in range(band * BAND, (band + 1) * BAND - side + 1, side):
            water = labels[row : row + side, column : column + side] == WATER
            if 2 * int(water.sum()) <= side * side:
                yield Tile(row, column)


@cache
def tiles_of(split: SplitName, fold: int, side: int) -> list[Tile]:
    """The tiles of a split, shuffled: the first few are from everywhere."""
    tiles = [tile for band in bands(split, fold) for tile in tiles_in(band, side)]
    return sorted(
        tiles, key=lambda tile: hashlib.sha256(repr(tuple(tile)).encode()).digest()
    )


class LandCover:
    """One split: images (3, T, T) and labels (T, T), T the side of a tile.

    Those of training have a margin of half a tile around, where the bands allow it.
    """

    def __init__(
        self, fold: int, tile: int | None, name: SplitName, size: int, folder: Path | None
    ) -> None:
        side = tile or size
        check_side(side, size)
        self.fold, self.side, self.name = fold, side, name
        self.tiles = tiles_of(name, fold, side)

    def __len__(self) -> int:
        return len(self.tiles)

    def __getitem__(self, index: int) -> Sample:
        rows, columns = self.window(index)
        image, labels, _ = earth()
        return Image(image[:, rows, columns].clone()), Mask(labels[rows, columns].clone())

    def window(self, index: int) -> tuple[slice, slice]:
        """Rows and columns of the strip that an item shows."""
        (row, column), side = self.tiles[index], self.side
        if self.name != "train":
            return slice(row, row + side), slice(column, column + side)
        west, east = neighbours(column // BAND, bands("train", self.fold))
        margin, height = side // 2, len(earth().labels)
        return (
            slice(max(0, row - margin), min(height, row + side + margin)),
            slice(max(west, column - margin), min(east, column + side + margin)),
        )

    def title(self, index: int) -> str:
        """The number of a tile, and where its centre is."""
        row, column = (start + self.side / 2 for start in self.tiles[index])
        north, east = NORTH - row / DEGREE, column / DEGREE - 180
        latitude = f"{abs(north):.1f} {'N' if north >= 0 else 'S'}"
        return f"tile {index}: {latitude}, {abs(east):.1f} {'E' if east >= 0 else 'W'}"

    def check(self, count: int) -> None:
        """Nothing to check: the files are decoded when a split is opened."""

    @cached_property
    def fingerprint(self) -> str:
        """The files, and which tiles of them."""
        tiles = f"fold {self.fold}, {len(self)} tiles of {self.side}"
        return f"landcover {VERSION} {self.name} ({tiles}) {earth().digest}"


def check_side(side: int, size: int) -> None:
    """InputError unless tiles of that side hold an image of that size, and are usable."""
    if side > LARGEST:
        key = "image_size" if side == size else "tile"
        raise InputError(f"landcover: {key} = {side}: a tile has at most {LARGEST} pixels")
    if side < size:
        raise InputError(
            f"landcover: tile = {side}: is smaller than an image of image_size = {size}"
        )


def neighbours(band: int, among: list[int]) -> tuple[int, int]:
    """The first column of the bands around band without a gap, and the one after them."""
    first = last = band
    while first - 1 in among:
        first -= 1
    while last + 1 in among:
        last += 1
    return first * BAND, (last + 1) * BAND


def augment(size: int, fill: Fill) -> nn.Module:
    """A crop of the surroundings, flips, and slight changes of colour."""
    transform: nn.Module = v2.Compose(
        [
            v2.RandomCrop(size),
            v2.RandomHorizontalFlip(),
            v2.RandomVerticalFlip(),
            v2.ColorJitter(brightness=0.1, contrast=0.1, saturation=0.1),
        ]
    )
    return transform


def prepare(size: int) -> nn.Module:
    """The middle: of a tile as large as the image, the whole tile."""
    transform: nn.Module = v2.CenterCrop(size)
    return transform


def landcover(fold: int = 0, tile: int | None = None) -> DataSource:
    """fold is the pair of validation; tile is the side of tiles, if not image_size."""
    if not 0 <= fold < len(PAIRS):
        raise InputError(f"fold = {fold}: there are folds 0 to {len(PAIRS) - 1}")
    if tile is not None and not 16 <= tile <= LARGEST:
        raise InputError(f"tile = {tile}: a tile has 16 to {LARGEST} pixels a side")
    label = "Land cover of the Earth" + (f", fold {fold}" if fold else "")
    opened = partial(LandCover, fold, tile)
    return DataSource(label, CLASSES, opened, augment, prepare, colours=COLOURS)
