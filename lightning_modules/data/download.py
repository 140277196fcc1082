"""Downloads of the published data sets that torchvision can fetch.

Only its downloads are used, not its data sets: those list VOC without trainaug and
Cityscapes in the order of the disk, check no file, and return masks as they are stored.
"""

from collections.abc import Callable
from pathlib import Path

from torchvision.datasets import OxfordIIITPet, SBDataset, VOCSegmentation

from ablations.errors import InputError, first_line, unknown_name, writing
from lightning_modules.data import DATASETS, ade20k, cityscapes, oxford_pet, voc2012
from lightning_modules.data.trainaug import LISTS, add_trainaug

Fetch = Callable[[Path], None]


def fetch_voc2012(folder: Path) -> None:
    """VOC itself; then SBD, whose masks become those of trainaug if there are none yet."""
    VOCSegmentation(folder, download=True)
    root, sbd = folder / voc2012.LAYOUT.root, folder / "sbd"
    if (root / LISTS / "trainaug.txt").is_file():
        return
    try:
        if not (sbd / "val.txt").is_file():  # torchvision unpacks it last
            SBDataset(sbd, mode="segmentation", download=True)
        add_trainaug(root, sbd)
    except Exception as error:  # as in download
        raise InputError(
            f"VOC 2012 is in {folder}, but trainaug could not be added from SBD "
            f"({first_line(error)}); without it, training has 1,464 images"
        ) from None


def fetch_oxford_pet(folder: Path) -> None:
    OxfordIIITPet(folder, target_types="segmentation", download=True)


DOWNLOADS: dict[str, Fetch] = {
    "voc2012": fetch_voc2012,
    "oxford_pet": fetch_oxford_pet,
}
LAYOUTS = {
    module.LAYOUT.name: module.LAYOUT
    for module in (voc2012, cityscapes, ade20k, oxford_pet)
}


def download(name: str, folder: Path) -> None:
    """Fetch a data set and unpack it into folder, as the data set expects it there.

    torchvision shows the progress, keeps the archives and verifies their checksums. Raises
    InputError for a data set that must be fetched by hand, with what to fetch from where,
    and if the host cannot be reached.
    """
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    if name not in DOWNLOADS:
        raise InputError(by_hand(name))
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        DOWNLOADS[name](folder)
    except InputError:
        raise
    except Exception as error:  # of the network, the archive, the checksum or the disk
        raise InputError(
            f"{name} could not be downloaded to {folder} ({first_line(error)}); try again, "
            f"or {LAYOUTS[name].by_hand}"
        ) from None


def by_hand(name: str) -> str:
    """What a user must do to have a data set that cannot be downloaded here."""
    if name in LAYOUTS:
        return f"{name} cannot be downloaded automatically: {LAYOUTS[name].by_hand}"
    return f"{name} needs no download"
