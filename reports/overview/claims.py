"""What the PSA paper claims about accuracy, beside what was measured here.

Printed numbers are those of reports/paper_results.csv. None of the studies repeats a row
of the paper, so no sentence here is a verdict on one.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isnan

from reports.completeness import plural
from reports.estimates import Family
from reports.overview.against import Families
from reports.overview.outcome import Outcome, Studied
from reports.page import Code, Inline, Items, Part, Strong, Text
from reports.power import LEVEL
from reports.psa_paper.printed import printed_rows
from reports.units import points, spoken

SUBJECT = "psa_parallel"  # that meets the others
SUBJECTS = ("psa_parallel", "psa_sequential", "psa_parallel_code", "psa_sequential_code")
COMPARED = ("non_local", "gc", "se", "cbam", "da", "ea")  # with PSA, in the paper's Table 1
VOC, CITYSCAPES = (3, 4), (5, (28, 29, 30))  # table and rows


def claims(studies: Sequence[Studied], families: Families) -> list[Part]:
    """A sentence or two for each claim; empty if PSA is in no study with a mIoU.

    families hold SUBJECT against the others, by the name of the study.
    """
    told = [
        study
        for study in studies
        if study.name in families and set(SUBJECTS) & set(study.outcomes)
    ]
    if not told:
        return []
    shown = {study.name: families[study.name] for study in told}
    by_design = better_than_others({s.name: (shown[s.name], s.noun) for s in told})
    return [Items([voc(told), cityscapes(shown), by_design, *fine(told)])]


def voc(studies: Sequence[Studied]) -> Text:
    printed = printed_rows()[VOC].cells["mIoU_gain"].strip("()+")
    return Text(
        Strong("A gain on VOC 2012."),
        f" The paper prints +{printed} points for DeepLabV3+ with ResNet-50 (Table 3, one "
        "number without seeds). This suite has not trained that row: ",
        Code("sweeps/voc2012.yaml"),
        " is ready for it. In the studies of this page: ",
        *joined([gains(study) for study in studies]),
        f". {beside(studies, float(printed))}",
    )


def beside(studies: Sequence[Studied], printed: float) -> str:
    """Where intervals lie, compared with a printed gain in points."""
    bounds = [
        (100 * study.outcomes[b].low, 100 * study.outcomes[b].high)
        for study in studies
        for b in SUBJECTS
        if b in study.outcomes and not isnan(study.outcomes[b].low)
    ]
    below = sum(high < printed for _, high in bounds)
    end = "ends" if below == 1 else "end"
    return (
        f"Of these {plural(len(bounds), 'interval')} {below} {end} below +{printed:g}: "
        "other data and networks, so this is no test of the printed number."
    )


def gains(study: Studied) -> list[Inline]:
    shown = [
        f"{spoken(block)} {interval(study.outcomes[block])}"
        for block in SUBJECTS
        if block in study.outcomes
    ]
    return [Code(study.name), f" {', '.join(shown)}"]


def interval(one: Outcome) -> str:
    if isnan(one.low):
        return points(one.value)
    return with_bounds(one.value, one.low, one.high)


def with_bounds(mean: float, low: float, high: float) -> str:
    return f"{points(mean)} ({points(low)} to {points(high)})"


def cityscapes(families: Families) -> Text:
    table, rows = CITYSCAPES
    base, parallel, sequential = (
        float(printed_rows()[table, row].cells["mIoU"]) for row in rows
    )
    return Text(
        Strong("A gain on Cityscapes, and parallel ahead of sequential."),
        f" The paper prints {parallel:g} and {sequential:g} % with PSA (p) and PSA (s), "
        f"against {base:g} % for its strong baseline (Table 5); ",
        Code("ablate reproduce psa"),
        " states why these rows cannot be compared. ",
        Code("sweeps/cityscapes.yaml"),
        " is ready for the data. PSA (p) minus PSA (s) here: ",
        *joined([layouts(*item) for item in families.items()]),
        ".",
    )


def layouts(study: str, family: Family[str]) -> list[Inline]:
    one = family.get("psa_sequential")
    if one is None:
        return [Code(study), " not both"]
    return [Code(study), f" {with_bounds(one.gain, one.low, one.high)}"]


def better_than_others(families: Mapping[str, tuple[Family[str], str]]) -> Text:
    """Families with what their pairs are, seed or setting, by the name of the study."""
    return Text(
        Strong("Better than NL, GC, SE, CBAM, DA and EA."),
        " The paper argues so from its design (Table 1); the table of its ablation was not "
        "available. Of these, PSA (p) is ahead of, by a test that counts all blocks of the "
        "table below: ",
        *joined([ahead(name, *item) for name, item in families.items()]),
        ".",
    )


def ahead(study: str, family: Family[str], noun: str) -> list[Inline]:
    met = [block for block in COMPARED if block in family]
    if not met:
        return [Code(study), " met none of them"]
    won = [spoken(b) for b in met if family[b].p < LEVEL and family[b].gain > 0]
    lost = [spoken(b) for b in met if family[b].p < LEVEL and family[b].gain < 0]
    text = ", ".join(won) if won else f"none of {len(met)}"
    if not any(family[block].decidable for block in met):
        text = f"undecidable with {plural(family[met[0]].pairs, noun)}"
    behind = f" and behind {', '.join(lost)}" if lost else ""
    return [Code(study), f" {text}{behind}"]


def fine(studies: Sequence[Studied]) -> Iterator[Text]:
    """Only if a study of thin strokes is among them."""
    for study in studies:
        if "digits_fine" in {str(one.setting["dataset"]) for one in study.compared}:
            yield Text(
                Strong("A high internal resolution serves fine structure."),
                " Strokes of one to two pixels: ",
                *gains(study),
                ".",
            )


def joined(pieces: Sequence[list[Inline]]) -> list[Inline]:
    """Pieces of a sentence with semicolons between them."""
    parts: list[Inline] = []
    for piece in pieces:
        parts += [*(["; "] if parts else []), *piece]
    return parts
