"""The data sets: each is a file and one line here.

A data set is a function that returns a DataSource: its classes, its splits, and how images
become batches. The function's arguments are the options of the data set.
"""

from collections.abc import Callable
from pathlib import Path

from ablations.errors import unknown_name
from ablations.notation import file_name, parse_part
from ablations.part_options import naming, plain_part, with_options
from ablations.run_config import RunConfig
from lightning_modules.data import (
    digits,
    digits_cue,
    digits_fine,
    digits_local,
    digits_lookup,
    voc2012,
)
from lightning_modules.data.contact_sheet import contact_sheet, save_sheet
from lightning_modules.data.data_source import DataSource, SplitName
from lightning_modules.data.segmentation_data import SegmentationData

DATASETS: dict[str, Callable[..., DataSource]] = {
    "digits": digits.digits,
    "digits_local": digits_local.digits_local,
    "digits_cue": digits_cue.digits_cue,
    "digits_lookup": digits_lookup.digits_lookup,
    "digits_fine": digits_fine.digits_fine,
    "voc2012": voc2012.voc2012,
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
    return SegmentationData(config, find_dataset(config.dataset), folder, workers, cache)


def find_dataset(text: str) -> DataSource:
    """The data set of that name and its options; InputError lists the known ones."""
    part = plain_part("data set", text)
    if part.name not in DATASETS:
        raise unknown_name("data set", part.name, DATASETS)
    with naming("data set", text):
        source: DataSource = with_options(DATASETS[part.name], part.options, given=0)()
    return source


def count_classes(name: str) -> int:
    """The number of classes of a data set, which is not opened."""
    return len(find_dataset(name).classes)


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
    source = find_dataset(name)
    path = out / f"{file_name(str(parse_part(name)))}-{split}.png" if out.is_dir() else out
    path = path if path.suffix else path.with_name(f"{path.name}.png")
    images, prepare = source.open(split, size, folder), source.prepare(size)
    samples = [prepare(images[index]) for index in range(min(count, len(images)))]
    title = f"{source.label}: {split}, {len(images):,} images, shown at {size}x{size}"
    save_sheet(contact_sheet(title, samples, source.classes), path)
    return path
