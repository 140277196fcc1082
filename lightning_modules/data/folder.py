"""Your own images with masks, described by a small YAML file beside them.

`folder(root='photos')` reads photos/classes.yaml; description.py says what stands in it.
Images are augmented and prepared as those of VOC 2012.
"""

import os
from pathlib import Path

from ablations.errors import InputError
from ablations.notation import file_name
from lightning_modules.data import scale_and_crop
from lightning_modules.data.data_source import DataSource, SplitName
from lightning_modules.data.description import Description, Folds, read_description
from lightning_modules.data.folder_files import FolderFiles
from lightning_modules.data.folder_splits import Layout, choose, split_names


def folder(
    root: str = ".",
    classes: str = "classes.yaml",
    fold: int | None = None,
    unchecked: bool = False,
    *,
    data_folder: Path | None = None,
) -> DataSource:
    """Images in root: here, or else in the data folder.

    classes is the description, in root or else here. fold is the fold for validation, in
    place of the description's. unchecked trains on images that the checks refuse.
    """
    place = find_root(root, data_folder)
    file = place / classes if (place / classes).exists() else Path(classes)
    if not file.exists():
        raise InputError(f"{place / classes}: not found; it describes the images in root")
    layout = Layout(place, file, with_fold(read_description(file), file, fold))
    values = layout.description.values

    def open_split(split: SplitName, size: int, _: Path | None) -> FolderFiles:
        if split not in split_names(layout.description):
            raise InputError(f"{file}: splits has no {split} split")
        pairs, origin, problems = choose(layout, split)
        name = file_name(place.resolve().name)
        return FolderFiles(name, split, pairs, values, origin, problems, unchecked)

    return DataSource(
        place.resolve().name,
        values.names,
        open_split,
        scale_and_crop.augment,
        scale_and_crop.prepare,
        splits=split_names(layout.description),
    )


def find_root(root: str, data_folder: Path | None) -> Path:
    """root in the current folder, or else in the data folder."""
    if data_folder is None and "ABLATE_DATA" in os.environ:
        data_folder = Path(os.environ["ABLATE_DATA"])
    places = [Path(root), *([data_folder / root] if data_folder else [])]
    for place in places:
        if place.is_dir():
            return place
    tried = " nor ".join(map(str, places))
    raise InputError(
        f"root = {root!r}: no such folder ({tried}); a relative one is looked for here and "
        "in --data-folder"
    )


def with_fold(description: Description, file: Path, fold: int | None) -> Description:
    splits = description.splits
    if fold is None:
        return description
    if not isinstance(splits, Folds):
        raise InputError(f"fold = {fold}: {file} has no folds in splits")
    if not 0 <= fold < splits.folds:
        raise InputError(f"fold = {fold}: {file} has folds 0 to {splits.folds - 1}")
    chosen = splits.model_copy(update={"fold": fold})
    return description.model_copy(update={"splits": chosen})
