"""How a downloaded data set must lie in the user's data folder, and where it comes from."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ablations.errors import InputError


class Layout(NamedTuple):
    """Where a data set lies below the folder that the user names with --data-folder."""

    name: str  # of the data set
    root: str  # its folder
    parts: tuple[str, ...]  # folders that must be in it
    by_hand: str  # what to do if it is not there, as the end of a sentence
    can_download: bool = False  # see download.py

    @property
    def fetch(self) -> str:
        """The easiest way to get it."""
        if not self.can_download:
            return self.by_hand
        return f"fetch it with `ablate data download {self.name}`, or {self.by_hand}"

    def find(self, folder: Path | None) -> Path:
        """The root of the data set; InputError says what is missing and where to get it."""
        if folder is None:
            raise InputError(
                f"{self.name} needs the folder that holds {self.root}: "
                "pass --data-folder or set ABLATE_DATA; "
                f"if you do not have it, {self.fetch}"
            )
        root = folder / self.root
        for part in self.parts:
            if not (root / part).is_dir():
                raise InputError(f"{root / part}: no such folder; {self.fetch}")
        return root

    def files(self, folder: Path, pattern: str) -> Iterator[Path]:
        """The files of a folder, in the same order on every machine; InputError if none."""
        paths = sorted(folder.glob(pattern))
        if not paths:
            raise InputError(f"{folder}: holds no {pattern}; {self.fetch}")
        return iter(paths)
