"""The sections of a report: one for each setting, as many in full as a folder can hold.

A section in full has pictures, and files for every table. The first settings are in full,
as many as FILES files hold; of many settings only the first is, since pictures take time.
The numbers of the others are in the page and in comparison.csv.
"""

from collections.abc import Iterator, Sequence
from math import inf
from typing import Literal, NamedTuple

import pandas as pd
from pandas import DataFrame

from ablations.timings import StudyTimings
from reports.comparison import Comparison
from reports.page import Fold, Link, Page, Part, Picture, Table, Text
from reports.section import describe, long_section, no_pictures, pictures, section
from reports.write.files import TABLES

FILES = 40  # the most files of sections; the page, its views and the numbers are others
IMAGES = 2  # files of a picture: .svg and .png
UNFOLDED = 12  # the most settings that Markdown shows; a page that can fold shows all

Pictures = Literal["few", "all", "none"]  # drawn of: the first settings, each, no setting


class Section(NamedTuple):
    """What a report says about one setting."""

    comparison: Comparison
    parts: list[Part]  # a heading, warnings, the comparison, and what else there is
    is_whole: bool


def sections_of(
    compared: Sequence[Comparison], timings: Sequence[StudyTimings], which: Pictures
) -> list[Section]:
    """One for each setting; pictures are drawn only where they are shown."""
    room, sections = most_files(len(compared), which), list[Section]()
    for one, name in zip(compared, names(len(compared)), strict=True):
        parts = whole(one, timings, name, which) if room > 0 else []
        room -= number_of_files(parts)
        if parts and (room >= 0 or not sections):  # the first is always whole
            sections.append(Section(one, parts, is_whole=True))
        else:
            sections.append(Section(one, long_section(one, timings), is_whole=False))
    return sections


def most_files(settings: int, which: Pictures) -> float:
    """Of all sections together; the first section is whole however many it has."""
    if which == "all":
        return inf
    return FILES if settings <= UNFOLDED else 1


def whole(
    comparison: Comparison, timings: Sequence[StudyTimings], name: str, which: Pictures
) -> list[Part]:
    """A section in full, but for the pictures if none is to be shown."""
    if which != "none":
        return section(comparison, timings, name, pictures)
    parts = section(comparison, timings, name, no_pictures)
    return [part for part in parts if not isinstance(part, Picture)]  # of a probe


def names(settings: int) -> list[str]:
    """Of the files of each setting."""
    if settings == 1:
        return ["comparison"]
    return [f"comparison-{number + 1}" for number in range(settings)]


def number_of_files(parts: Sequence[Part]) -> int:
    page = Page("", parts)
    tables = sum(bool(table.name) for table in page.tables)
    return len(TABLES) * tables + IMAGES * len(page.pictures)


def folded(sections: Sequence[Section]) -> Iterator[Part]:
    """The sections as parts of a page; of several, each can be folded."""
    if len(sections) == 1:
        yield from sections[0].parts
        return
    yield pointer(len(sections))
    many = len(sections) > UNFOLDED
    for number, (one, parts, is_whole) in enumerate(sections):
        title, anchor = describe(one.setting), f"setting-{number + 1}"
        detail = many and not is_whole
        yield Fold(title, parts[1:], 2, anchor, detail)  # the first part is a heading


def pointer(settings: int) -> Text:
    """Where all numbers are."""
    numbers = Link("comparison.csv", "comparison.csv")
    few = "; only the first ones have pictures and files of their own (see --pictures)."
    if settings <= UNFOLDED:
        return Text(f"{settings} settings, and all their numbers in ", numbers, few)
    page = Link("report.html", "report.html")
    return Text(f"{settings} settings: tables in ", page, ", all numbers in ", numbers, few)


def all_numbers(sections: Sequence[Section]) -> DataFrame | None:
    """The comparisons of all settings in one frame, whose first columns are the setting.

    None if no run can be compared.
    """
    found = [
        (one.comparison.setting, table.numbers)
        for one in sections
        if (table := first_table(one.parts)) is not None
    ]
    if not found:
        return None
    numbers = pd.concat([table for _, table in found], keys=range(len(found)))
    settings = DataFrame([setting for setting, _ in found])
    repeated = settings.loc[numbers.index.get_level_values(0)].reset_index(drop=True)
    return repeated.join(numbers.reset_index(drop=True))


def first_table(parts: Sequence[Part]) -> Table | None:
    """The comparison, with which every section begins."""
    return next((part for part in parts if isinstance(part, Table)), None)
