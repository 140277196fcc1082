"""The sections of a report: one for each setting, as many in full as a folder can hold.

A section in full has pictures; the first settings are in full. As many of them as FILES
files hold also have a file for every table and picture. Of many settings only the first is
in full, since pictures take time. All numbers are in the page and in comparison.csv.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd
from pandas import DataFrame

from ablations.errors import InputError
from ablations.image_counts import ImageCounts, read_image_counts
from ablations.timings import StudyTimings
from reports import plots
from reports.audit import audit_parts
from reports.comparison import Comparison
from reports.image_section import image_parts
from reports.page import Fold, Link, Page, Part, Picture, Table, Text
from reports.probe_tables import is_probe
from reports.section import describe, long_section, no_pictures, pictures, section
from reports.write.files import TABLES

FILES = 32  # the most files of sections; the page, its views and the numbers are others
IMAGES = 3  # files of a picture: .svg, .png and .pdf
PICTURED = 4  # the most settings in full
UNFOLDED = 12  # the most settings that Markdown shows; a page that can fold shows all

Pictures = Literal["few", "all", "none"]  # drawn of: the first settings, each, no setting


class Section(NamedTuple):
    """What a report says about one setting."""

    comparison: Comparison
    parts: list[Part]  # a heading, warnings, the comparison, and what else there is
    is_whole: bool


def sections_of(
    compared: Sequence[Comparison],
    timings: Sequence[StudyTimings],
    which: Pictures,
    counts: Mapping[str, Path],
) -> list[Section]:
    """One for each setting; counts are the files with those of images, by run."""
    room, sections = FILES if which != "all" else inf, list[Section]()
    full = in_full(len(compared), which)
    for number, (one, name) in enumerate(zip(compared, names(len(compared)), strict=True)):
        if number >= full:
            sections.append(Section(one, long_section(one, timings), is_whole=False))
            continue
        parts = whole(one, timings, name, which, counts)
        room -= number_of_files(parts)
        parts = parts if room >= 0 or number == 0 else list(unnamed(parts))
        sections.append(Section(one, parts, is_whole=True))
    return sections


def in_full(settings: int, which: Pictures) -> float:
    """How many settings are in full."""
    if which == "all":
        return inf
    return PICTURED if settings <= UNFOLDED else 1


def unnamed(parts: Sequence[Part]) -> Iterator[Part]:
    """The parts without files of their own."""
    for part in parts:
        if isinstance(part, Fold):
            yield part._replace(parts=list(unnamed(part.parts)))
        elif isinstance(part, Table | Picture):
            yield part._replace(name="")
        else:
            yield part


def overview_pictures(compared: Sequence[Comparison]) -> list[Part]:
    """Gains in all settings, if there are a few whose gains can be drawn."""
    ordinary = [one for one in compared if one.records and not is_probe(one)]
    drawn = [one for one in ordinary if len(one.numbers) > 1]
    if not 1 < len(drawn) <= UNFOLDED:
        return []
    gains = plots.heat_map(plots.gain_table(drawn))
    return [Picture("gains", "gain of each block in each setting", gains)]


def whole(
    comparison: Comparison,
    timings: Sequence[StudyTimings],
    name: str,
    which: Pictures,
    counts: Mapping[str, Path],
) -> list[Part]:
    """A section in full, but for the pictures if none is to be shown."""
    if which == "none":
        parts = section(comparison, timings, name, no_pictures)
        parts = [part for part in parts if not isinstance(part, Picture)]  # of a probe
    else:
        parts = section(comparison, timings, name, pictures)
    if is_probe(comparison) or not comparison.records:
        return parts
    by_image = image_parts(comparison, readable_counts(comparison, counts), name)
    return [*parts, *by_image, *audit_parts(comparison, counts)]


def readable_counts(
    comparison: Comparison, counts: Mapping[str, Path]
) -> dict[str, ImageCounts]:
    """The counts of images of the runs; the audit says which cannot be read."""
    found: dict[str, ImageCounts] = {}
    for record in comparison.records:
        if path := counts.get(record.config.run_id):
            with suppress(InputError):
                found[record.config.run_id] = read_image_counts(path, record)
    return found


def names(settings: int) -> list[str]:
    """Of the files of each setting."""
    if settings == 1:
        return ["comparison"]
    return [f"comparison-{number + 1}" for number in range(settings)]


def number_of_files(parts: Sequence[Part]) -> int:
    page = Page("", parts)
    tables = sum(bool(table.name) for table in page.tables)
    images = sum(bool(picture.name) for picture in page.pictures)
    return len(TABLES) * tables + IMAGES * images


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
        # the first part is a heading
        yield Fold(title, parts[1:], 2, anchor, detail, opened=number == 0)


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
