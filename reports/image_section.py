"""What a report says about the same trained networks on other images."""

from collections.abc import Mapping

from pandas import DataFrame

from ablations.errors import InputError
from ablations.records import RunRecord
from reports.columns import BLOCK
from reports.comparison import Comparison
from reports.controls import against_baseline
from reports.other_images import CountsOfImages, OtherImages, difference_on_other_images
from reports.page import Column, Part, Table, Text
from reports.tables import block_names
from reports.units import count, points

Counts = Mapping[str, CountsOfImages]  # by the id of a run
COLUMNS = [
    BLOCK,
    Column("difference", "Gain", points),
    Column("low", "95 % over images", points, upto="high"),
    Column("runs", "Pairs of runs", count),
    Column("images", "Images", count),
]
QUESTION = (
    "Another question: these trained networks on other images of the same kind. Images are "
    "resampled, the same for a block and its baseline, with the networks as they are: an "
    "interval that excludes zero says nothing of other seeds."
)


def image_parts(comparison: Comparison, counts: Counts, name: str = "") -> list[Part]:
    """The bootstrap over images of each block; nothing if no pair of runs has counts.

    One sentence if runs were scored on different images.
    """
    try:
        found = differences_by_block(comparison, counts)
    except InputError as error:
        return [Text(f"No intervals over images: {error}.")]
    if not found:
        return []
    numbers = DataFrame([{"block": block, **one._asdict()} for block, one in found.items()])
    return [Text(QUESTION), Table(numbers, COLUMNS, f"{name}-images" if name else "")]


def differences_by_block(comparison: Comparison, counts: Counts) -> dict[str, OtherImages]:
    """Of the seeds for which the block and the baseline have counts."""
    runs: dict[str, dict[int, RunRecord]] = {}
    named = zip(block_names(comparison.records), comparison.records, strict=True)
    for block, record in named:
        if record.config.run_id in counts:
            runs.setdefault(block, {})[record.config.seed] = record
    baseline = runs.get("none", {})
    found = {}
    for block in against_baseline(comparison.numbers["block"]):
        pairs = [
            (counts[run.config.run_id], counts[baseline[seed].config.run_id])
            for seed, run in sorted(runs.get(block, {}).items())
            if seed in baseline
        ]
        if pairs:
            found[block] = difference_on_other_images(pairs)
    return found
