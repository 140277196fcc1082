"""The page of a card, and its short form for a terminal."""

from collections.abc import Sequence

from reports.card.examination import Examination
from reports.card.probes import Trained, trained_sections, trained_words
from reports.page import Code, Heading, Items, Page, Part, Strong, Text
from reports.units import label
from reports.write.cells import shortened

HEAD = Text(
    "This page is written by ",
    Code("ablate card"),
    ". Everything but the probes is measured without training. Each sentence follows from "
    "the numbers in the sections below.",
)
NO_PROBES = Text(Strong("Probes."), " Not trained.")


def card_page(examination: Examination, trained: Trained | None = None) -> Page:
    """Without trained, nothing was; the page says so."""
    title = f"Card of {shortened(label(examination.block))}"
    summary = [*examination.words, *probe_words(trained)]
    parts: list[Part] = [HEAD, Heading("In short"), Items(summary), *examination.sections]
    return Page(title, [*parts, *(trained_sections(trained) if trained else [])])


def probe_words(trained: Trained | None) -> list[Text]:
    return trained_words(trained) if trained else [NO_PROBES]


def short_form(examination: Examination) -> Sequence[Part]:
    """What is known before training, for a terminal."""
    return [*examination.printed, Text(""), Items(examination.words)]
