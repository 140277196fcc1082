"""PASCAL VOC 2012, from a folder in torchvision's layout.

Everingham, Van Gool, Williams, Winn and Zisserman, "The PASCAL Visual Object Classes
Challenge 2012", http://host.robots.ox.ac.uk/pascal/VOC/voc2012/.

Training uses the 10,582 images of `trainaug` if that list is beside the others and
SegmentationClassAug holds its masks (Hariharan et al., "Semantic Contours from Inverse
Detectors", ICCV 2011), else the 1,464 of `train`. The labels of the challenge's test
images are not public, so `test` is `val`.

Images are scaled by their shorter side, relative to the requested size.
"""

from pathlib import Path

from torch import nn
from torchvision.transforms import v2

from ablations.errors import InputError
from lightning_modules.data.data_source import DataSource, Fill, SplitName
from lightning_modules.data.image_files import as_stored
from lightning_modules.data.name_list import read_list
from lightning_modules.data.paired_files import Pair, PairedFiles

CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus",
    "car", "cat", "chair", "cow", "dining table", "dog", "horse", "motorbike",
    "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip


def open_split(name: SplitName, size: int, folder: Path | None) -> PairedFiles:
    root = find_root(folder)
    listing, masks = "val", root / "SegmentationClass"
    if name == "train":
        listing, masks = training_list(root)
    names = read_list(root / f"ImageSets/Segmentation/{listing}.txt")
    pairs = [
        Pair(name, (root / f"JPEGImages/{name}.jpg", masks / f"{name}.png"))
        for name in names
    ]
    label, labels = f"voc2012 {listing}", as_stored(len(CLASSES))
    return PairedFiles(label, pairs, labels, origin=f"{listing}.txt")


def find_root(folder: Path | None) -> Path:
    """The folder VOC2012; InputError says where it should be."""
    if folder is None:
        raise InputError(
            "voc2012 needs the folder that holds VOCdevkit/VOC2012: "
            "pass --data-folder or set ABLATE_DATA"
        )
    root = folder / "VOCdevkit" / "VOC2012"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        if not (root / part).is_dir():
            raise InputError(
                f"{root / part}: no such folder; voc2012 must be laid out as "
                "torchvision.datasets.VOCSegmentation(folder, download=True) leaves it"
            )
    return root


def training_list(root: Path) -> tuple[str, Path]:
    """The name of the list of training images, and the folder of their masks."""
    augmented = root / "SegmentationClassAug"
    if (root / "ImageSets/Segmentation/trainaug.txt").is_file() and augmented.is_dir():
        return "trainaug", augmented
    return "train", root / "SegmentationClass"


def augment(size: int, fill: Fill) -> nn.Module:
    """Scale by 0.5 to 2, crop and flip; void where a crop extends beyond the edge."""
    transform: nn.Module = v2.Compose(
        [
            v2.RandomResize(size // 2, 2 * size),
            v2.RandomCrop(size, pad_if_needed=True, fill=fill),
            v2.RandomHorizontalFlip(),
        ]
    )
    return transform


def prepare(size: int) -> nn.Module:
    """The middle of the image, as large as its shorter side allows."""
    transform: nn.Module = v2.Compose([v2.Resize(size), v2.CenterCrop(size)])
    return transform


def voc2012() -> DataSource:
    return DataSource("PASCAL VOC 2012", CLASSES, open_split, augment, prepare)
