"""The data sets: each is a file and one line here.

A data set is a function that returns a DataSource: its classes, its splits, and how images
become batches. The function's arguments are the options of the data set, except
data_folder: if there is one, it gets the folder with downloaded data.
"""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ablations.errors import unknown_name
from ablations.import_path import check_import_path
from ablations.notation import file_name, parse_part
from ablations.own_code import load_object
from ablations.part_options import naming, plain_part, with_options
from ablations.run_config import RunConfig
from ablations.signatures import DATA_FOLDER
from lightning_modules.data import (
    ade20k,
    cityscapes,
    digits,
    digits_cue,
    digits_fine,
    digits_local,
    digits_lookup,
    folder,
    landcover,
    oxford_pet,
    voc2012,
)
from lightning_modules.data.contact_sheet import contact_sheet, save_sheet
from lightning_modules.data.data_source import DataSource, SplitName
from lightning_modules.data.own_data import own_source
from lightning_modules.data.segmentation_data import SegmentationData

DATASETS: dict[str, Callable[..., DataSource]] = {
    "digits": digits.digits,
    "digits_local": digits_local.digits_local,
    "digits_cue": digits_cue.digits_cue,
    "digits_lookup": digits_lookup.digits_lookup,
    "digits_fine": digits_fine.digits_fine,
    "landcover": landcover.landcover,
    "voc2012": voc2012.voc2012,
    "cityscapes": cityscapes.cityscapes,
    "ade20k": ade20k.ade20k,
    "oxford_pet": oxford_pet.oxford_pet,
    "folder": folder.folder,
}


def create_data(
    config: RunConfig,
    folder: Path | None = None,
    workers: int | None = 0,
    cache: float = 0.0,
) -> SegmentationData:
    """The data set that config names, served as config says.

    folder holds downloaded data; workers is the number of processes that load them, 0 to
    load them in this one, None to choose. cache is the memory for decoded image files, in
    bytes. Raises InputError for an unknown name, and for a folder
    without the data set.
    """
    source = find_dataset(config.dataset, folder)
    return SegmentationData(config, source, folder, workers, cache)


def find_dataset(text: str, folder: Path | None = None) -> DataSource:
    """The data set of that name, or import path, and its options.

    folder is where data sets are looked for that are not here. InputError lists the known
    names, and says what is wrong with a user's own data set.
    """
    part = plain_part("data set", text)
    own = ":" in part.name
    if not own and part.name not in DATASETS:
        raise unknown_name("data set", part.name, DATASETS)
    if own:
        check_import_path(part.name, "data set", "MyData")
    build = load_object("data set", part.name) if own else DATASETS[part.name]
    with naming("data set", text):
        build = with_folder(with_options(build, part.options, given=[DATA_FOLDER]), folder)
        if not own:
            return build()
    return own_source(text, build)


def with_folder(
    build: Callable[..., DataSource], folder: Path | None
) -> Callable[[], DataSource]:
    """build with the data folder, if it asks for it."""
    if DATA_FOLDER in inspect.signature(build).parameters:
        return partial(build, data_folder=folder)
    return build


def count_classes(name: str, folder: Path | None = None) -> int:
    """The number of classes of a data set, whose images are not opened."""
    return len(find_dataset(name, folder).classes)


def show_data(
    name: str,
    out: Path,
    size: int,
    split: SplitName,
    count: int,
    folder: Path | None = None,
) -> Path:
    """Draw a split's first count images, as a network sees them; returns the file's path.

    In an existing folder the file is NAME-SPLIT.png; a file without a suffix is a PNG.
    """
    source = find_dataset(name, folder)
    path = out / f"{file_name(str(parse_part(name)))}-{split}.png" if out.is_dir() else out
    path = path if path.suffix else path.with_name(f"{path.name}.png")
    images, prepare = source.open(split, size, folder), source.prepare(size)
    samples = [prepare(images[index]) for index in range(min(count, len(images)))]
    title = f"{source.label}: {split}, {len(images):,} images, shown at {size}x{size}"
    save_sheet(contact_sheet(title, samples, source), path)
    return path
