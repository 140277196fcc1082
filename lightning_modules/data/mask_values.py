"""What masks hold for each class: numbers or colours, and which of them are void."""

import re
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from ablations.errors import InputError, quoted
from lightning_modules.data.data_source import VOID
from lightning_modules.data.image_files import (
    CheckMask,
    ReadLabels,
    as_stored,
    blaming,
    check_kind,
    check_mask,
    counted,
    stored_labels,
)

Colour = tuple[int, int, int]
Value = int | Colour

LARGEST = 65535  # of a mask with 16 bits
COLOUR_MODES = ("1", "L", "P", "RGB", "RGBA")
HOW = "a value is a number from 0 to 65535, or a colour as [r, g, b] or '#rrggbb'"


class Values(NamedTuple):
    """The values of classes, in the order of classes, and those that are void."""

    names: tuple[str, ...]
    classes: tuple[Value, ...]
    void: tuple[Value, ...]

    @property
    def are_colours(self) -> bool:
        return not isinstance(self.classes[0], int)

    def check(self) -> None:
        """ValueError if values are of both kinds, or one has two meanings."""
        if len({isinstance(value, int) for value in self.classes + self.void}) > 1:
            raise ValueError("classes and void must be all numbers or all colours")
        meanings = [*zip(self.classes, self.names, strict=True)]
        seen: dict[Value, str] = {}
        for value, name in [*meanings, *((value, "void") for value in self.void)]:
            if value in seen:
                raise ValueError(f"{spelled(value)} is both {seen[value]!r} and {name!r}")
            seen[value] = name

    @property
    def allowed(self) -> str:
        """What masks may hold, in words."""
        shown = [
            f"{spelled(value)} ({name})"
            for value, name in list(zip(self.classes, self.names, strict=True))[:8]
        ]
        more = f", ... and {len(self.names) - 8} more" if self.names[8:] else ""
        void = f", and {', '.join(map(spelled, self.void))} for void" if self.void else ""
        return f"{', '.join(shown)}{more}{void}"

    def labels(self) -> NDArray[np.uint8]:
        """The labels of all values, in their order: classes, then VOID."""
        classes = range(len(self.classes))
        return np.array([*classes, *[VOID] * len(self.void)], np.uint8)


def spelled(value: Value) -> str:
    if isinstance(value, int):
        return str(value)
    return "#{:02x}{:02x}{:02x}".format(*value)


def read_classes(value: object) -> dict[str, Value]:
    """Names and values; ValueError says what is wrong with them."""
    if isinstance(value, list):
        check_names(value)
        return {name: number for number, name in enumerate(value)}
    if not isinstance(value, dict):
        raise ValueError("classes are a list of names, or a mapping from names to values")
    check_names(list(value))
    return {name: read_value(part) for name, part in value.items()}


def check_names(names: list[object]) -> None:
    if not 2 <= len(names) <= VOID:
        raise ValueError(f"there are {len(names)} classes; allowed are 2 to {VOID}")
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise ValueError(f"{quoted(name)} is not the name of a class; put it in quotes")
        if name in names[:number]:
            raise ValueError(f"{name!r} is listed twice")


def read_value(value: object) -> Value:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST:
        return value
    if isinstance(value, str) and re.fullmatch("#[0-9a-fA-F]{6}", value):
        return (int(value[1:3], 16), int(value[3:5], 16), int(value[5:], 16))
    if is_colour(value):
        return (value[0], value[1], value[2])
    raise ValueError(f"{quoted(value)} is not a value; {HOW}")


def is_colour(value: object) -> TypeGuard[list[int]]:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(type(part) is int and 0 <= part <= 255 for part in value)
    )


def read_void(value: object, colours: bool) -> tuple[Value, ...]:
    """One value or a list; three numbers are a colour where classes are colours."""
    if isinstance(value, list) and not (colours and is_colour(value)):
        return tuple(read_value(part) for part in value)
    return (read_value(value),)


def reader(values: Values) -> ReadLabels:
    """How masks of these values are read."""
    classes = len(values.classes)
    if values.classes == tuple(range(classes)) and values.void == (VOID,):
        return as_stored(classes)
    codes = np.array([code(value) for value in values.classes + values.void])
    order = np.argsort(codes)
    known, labels = codes[order], values.labels()[order]

    def read(picture: PIL.Image.Image, path: Path) -> NDArray[np.uint8]:
        stored = (colours if values.are_colours else stored_labels)(picture, path)
        places = np.searchsorted(known, stored).clip(max=len(known) - 1)  # (H, W)
        check_known(stored[known[places] != stored], values, path)
        found: NDArray[np.uint8] = labels[places]
        return found

    return read


def header_check(values: Values) -> CheckMask:
    """What the header of a mask with these values must say."""
    return check_colours if values.are_colours else check_mask


def code(value: Value) -> int:
    """A number for each value; of a colour, its six digits."""
    return value if isinstance(value, int) else value[0] << 16 | value[1] << 8 | value[2]


def colours(picture: PIL.Image.Image, path: Path) -> NDArray[np.int32]:
    """The codes of a mask's colours (H, W); transparency is dropped."""
    check_colours(picture, path)
    with blaming(path):
        if picture.mode == "P":
            picture = picture.convert("RGBA")  # a palette may hold transparency
        pixels = np.array(picture.convert("RGB")).astype(np.int32)  # (H, W, 3)
    return pixels @ np.array([1 << 16, 1 << 8, 1], np.int32)  # (H, W)


def check_colours(picture: PIL.Image.Image, path: Path) -> None:
    """InputError unless a mask holds bytes of colour or grey, in a lossless format."""
    what = "a mask with colours is an RGB, palette or grey PNG"
    check_kind(picture, path, COLOUR_MODES, what)


def check_known(wrong: NDArray[Any], values: Values, path: Path) -> None:
    """InputError, listing values that have no meaning, with their pixels."""
    if wrong.size:
        kind = "colours" if values.are_colours else "labels"
        name = "#{:06x}".format if values.are_colours else str
        raise InputError(
            f"{path}: unknown {kind} {counted(wrong, name)}; allowed are {values.allowed}"
        )
