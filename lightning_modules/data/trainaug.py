"""The 10,582 images of trainaug: VOC's own training images, and SBD's with their masks.

Hariharan et al., "Semantic Contours from Inverse Detectors", ICCV 2011 (SBD), have masks of
11,355 images of VOC. With VOC's training images and without its validation images they are
10,582, on which segmentation on VOC is usually trained. An image of VOC's own list keeps
its own mask; those of SBD have no void border.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import loadmat

from ablations.whole_file import write_whole
from lightning_modules.data.name_list import read_list

LISTS = "ImageSets/Segmentation"


def add_trainaug(voc: Path, sbd: Path) -> None:
    """Write SegmentationClassAug, and at last trainaug.txt, into the folder VOC2012.

    sbd holds cls, train.txt and val.txt. It takes a minute or two.
    """
    own, validation = (read_list(voc / LISTS / f"{name}.txt") for name in ("train", "val"))
    others = read_list(sbd / "train.txt") + read_list(sbd / "val.txt")
    names = sorted({*own, *others} - {*validation})
    kept = set(own)
    masks = voc / "SegmentationClassAug"
    masks.mkdir(exist_ok=True)
    for name in names:
        if name in kept:
            shutil.copyfile(voc / f"SegmentationClass/{name}.png", masks / f"{name}.png")
        else:
            convert(sbd / f"cls/{name}.mat", masks / f"{name}.png")
    listing = "".join(f"{name}\n" for name in names)
    write_whole(voc / LISTS / "trainaug.txt", listing.encode())


def convert(mat: Path, png: Path) -> None:
    """A mask of SBD (H, W), 0 to 20, as a PNG."""
    labels: Any = loadmat(mat)["GTcls"][0]["Segmentation"][0]
    Image.fromarray(labels.astype(np.uint8)).save(png)
