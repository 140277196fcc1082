"""Which images of a folder make up a split: by lists, by folders, by shares or by folds."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ablations.errors import InputError
from lightning_modules.data.data_source import SplitName
from lightning_modules.data.description import Description, Folds, Named, Shares
from lightning_modules.data.file_patterns import (
    SPLIT,
    Patterns,
    file_at,
    find,
    in_folder,
    is_inside,
)
from lightning_modules.data.name_list import read_list
from lightning_modules.data.paired_files import Pair
from lightning_modules.data.splitting import places


class Layout(NamedTuple):
    """A folder, the file that describes it, and what that says."""

    root: Path
    file: Path
    description: Description


class Chosen(NamedTuple):
    """The images of a split: what lists them, and what is wrong with the whole."""

    pairs: list[Pair]
    origin: str
    problems: list[str]


class Found(NamedTuple):
    """The files in a folder, by name."""

    root: Path
    patterns: tuple[Patterns, Patterns]
    images: dict[str, list[Path]]
    masks: dict[str, list[Path]]

    def pair(self, name: str) -> Pair:
        """An image and its mask; one that is missing is where its first pattern says."""
        image, mask = (
            found[name][0] if name in found else file_at(self.root, patterns[0], name)
            for found, patterns in zip(
                (self.images, self.masks), self.patterns, strict=True
            )
        )
        return Pair(name, (image, mask))

    def ambiguous(self, names: Iterable[str]) -> list[str]:
        """Files that share a name."""
        return [
            f"{other}: has the same name as {first}"
            for name in names
            for first, *others in (self.images.get(name, [()]), self.masks.get(name, [()]))
            for other in others
        ]

    def strays(self) -> list[str]:
        """Masks without an image."""
        names = [name for name in self.masks if name not in self.images]
        return [
            f"{path}: is a mask without an image" for n in names for path in self.masks[n]
        ]


def choose(layout: Layout, split: SplitName) -> Chosen:
    """The images of a split. InputError if there are none, or no such split."""
    splits = layout.description.splits
    if isinstance(splits, Named):
        return named(layout, split, splits)
    found = search(layout.root, layout.description.images, layout.description.masks)
    position = places(list(found.images), splits.seed, splits.group, layout.file)
    names = [name for name, place in position.items() if part(splits, place) == split]
    if not names:
        raise InputError(
            f"{layout.file}: splits: {split} has none of the {len(position)} images in "
            f"{layout.root}"
        )
    problems = found.ambiguous(names) + (found.strays() if split == "train" else [])
    return Chosen([found.pair(name) for name in names], "its image is there", problems)


def part(splits: Shares | Folds, place: float) -> SplitName:
    """The split of an image whose place in the order is that, in (0, 1)."""
    if isinstance(splits, Folds):
        return "val" if int(place * splits.folds) == splits.fold else "train"
    if place < splits.val:
        return "val"
    return "test" if place >= 1 - splits.test else "train"


def split_names(description: Description) -> tuple[SplitName, ...]:
    """The splits that there are."""
    splits = description.splits
    test = not isinstance(splits, Folds) and splits.test
    return ("train", "val", "test") if test else ("train", "val")


def named(layout: Layout, split: SplitName, splits: Named) -> Chosen:
    """The images of a list, or of a folder of its own."""
    value = getattr(splits, split)
    path = layout.root / value
    if not is_inside(value):
        raise InputError(
            f"{layout.file}: splits.{split} = {value!r} leads out of the folder"
        )
    if path.is_file():
        return listed(layout, path, splits)
    images, masks = (
        tuple(in_folder(pattern, value) for pattern in patterns)
        for patterns in (layout.description.images, layout.description.masks)
    )
    found = search(layout.root, images, masks)
    if not found.images:
        raise InputError(
            f"{layout.file}: splits.{split} = {value!r}: {path} is not a list of names, "
            f"and there are no images {layout.root / images[0]}"
        )
    problems = found.ambiguous(found.images) + found.strays()
    pairs = [found.pair(name) for name in found.images]
    return Chosen(pairs, "its image is there", problems)


def listed(layout: Layout, path: Path, splits: Named) -> Chosen:
    root, file, description = layout
    if any(SPLIT in pattern for pattern in description.images + description.masks):
        raise InputError(f"{file}: a pattern has {SPLIT}, but splits are lists of names")
    names = read_list(path)
    found = search(root, description.images, description.masks)
    problems = [
        f"{path}: lists {name!r} {times} times"
        for name, times in Counter(names).items()
        if times > 1
    ]
    problems += shared(root, path, names, splits) + found.ambiguous(dict.fromkeys(names))
    return Chosen([found.pair(name) for name in names], f"{path.name} lists it", problems)


def shared(root: Path, path: Path, names: list[str], splits: Named) -> list[str]:
    """Names that another list holds, too."""
    others = {root / value for _, value in splits if value and is_inside(value)} - {path}
    held = {
        other: set(read_list(other)).intersection(names)
        for other in sorted(others)
        if other.is_file()
    }
    return [
        f"{path}: {name!r} is also in {other.name}"
        for other, both in held.items()
        for name in sorted(both)
    ]


def search(root: Path, images: Patterns, masks: Patterns) -> Found:
    """The files that patterns match. A file that is a mask is not an image."""
    found = find(root, masks)
    taken = {path for paths in found.values() for path in paths}
    pictures = {
        name: rest
        for name, paths in find(root, images).items()
        if (rest := [path for path in paths if path not in taken])
    }
    return Found(root, (images, masks), pictures, found)
