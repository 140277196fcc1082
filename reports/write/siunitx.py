"""Columns of numbers in LaTeX: aligned at the decimal point, the best ones marked."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from reports.page import Column

WRITTEN = re.compile(r"([+-]?)(\d[\d,]*)(?:\.(\d+))?(?:e([+-]?)0*(\d+))?( %|x|)")
SETUP = (
    r"\sisetup{detect-weight, retain-explicit-plus, group-digits=integer, "
    r"group-minimum-digits=4, group-separator={,}}"
)


class Number(NamedTuple):
    """A number as a cell shows it, taken apart."""

    sign: str
    whole: str  # digits, without separators
    fraction: str
    exponent: str  # with its sign
    unit: str

    @property
    def plain(self) -> str:
        point = f".{self.fraction}" if self.fraction else ""
        power = f"e{self.exponent}" if self.exponent else ""
        return f"{self.sign}{self.whole}{point}{power}"


class Room(NamedTuple):
    """How many signs a column reserves on either side of the decimal point."""

    sign: bool
    whole: int
    fraction: int
    exponent: str

    @property
    def specification(self) -> str:
        sign = "+" if self.sign else ""
        power = f"e{self.exponent}" if self.exponent else ""
        return f"S[table-format={sign}{self.whole}.{self.fraction}{power}]"


class Numbers(NamedTuple):
    """A column of numbers; texts among them are None."""

    cells: Sequence[Number | None]
    room: Room
    unit: str  # of all of them: it belongs in the header


def numbers_of(column: Column, texts: Iterable[str]) -> Numbers | None:
    """None for a column of text, or of numbers in several units."""
    if column.align != "right":
        return None
    cells = [parsed(text) for text in texts]
    found = [number for number in cells if number]
    units = {number.unit.strip() for number in found}
    return Numbers(cells, room_for(found), units.pop()) if len(units) == 1 else None


def parsed(text: str) -> Number | None:
    match = WRITTEN.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, minus, power, unit = match.groups(default="")
    return Number(sign, whole.replace(",", ""), fraction, minus.strip("+") + power, unit)


def room_for(numbers: Sequence[Number]) -> Room:
    exponents = [number.exponent for number in numbers if number.exponent]
    digits = max((len(exponent.strip("-")) for exponent in exponents), default=0)
    minus = "-" if any(exponent.startswith("-") for exponent in exponents) else ""
    return Room(
        any(number.sign for number in numbers),
        max(len(number.whole) for number in numbers),
        max(len(number.fraction) for number in numbers),
        f"{minus}{digits}" if digits else "",
    )


def marked(numbers: Numbers, column: Column) -> list[str]:
    """The numbers as cells, the best bold and the second best underlined, with ties.

    Numbers that are shown alike are tied. Nothing is marked where all are. Texts are left
    empty.
    """
    values = [number and Decimal(number.plain) for number in numbers.cells]
    ranks = sorted({value for value in values if value is not None})
    if column.best == "max":
        ranks.reverse()
    if not column.best or len(ranks) < 2:
        return [number.plain if number else "" for number in numbers.cells]
    marks = {ranks[0]: best, ranks[1]: second}
    return [
        marks.get(value, unmarked)(number, numbers.room) if number and value is not None
        else ""
        for number, value in zip(numbers.cells, values, strict=True)
    ]  # fmt: skip


def unmarked(number: Number, room: Room) -> str:
    return number.plain


def best(number: Number, room: Room) -> str:
    return rf"\bfseries {number.plain}"


def second(number: Number, room: Room) -> str:
    """Underlined, which siunitx cannot parse, so blanks keep it below the others."""
    sign = "+" if room.sign and not number.sign else ""
    before = phantom(sign + "0" * (room.whole - len(number.whole)))
    missing = room.fraction - len(number.fraction)
    point = "" if number.fraction or not missing else "."
    after = phantom(point + "0" * missing)
    return rf"{{${before}\underline{{{number.plain}}}{after}$}}"


def phantom(signs: str) -> str:
    return rf"\phantom{{{signs}}}" if signs else ""
