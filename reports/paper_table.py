"""The table of a comparison as it stands in a paper, where it has to explain itself."""

from collections.abc import Iterable

from ablations.records import RunRecord
from ablations.run_config import RunConfig
from reports.column_choice import fitting
from reports.column_notes import notes
from reports.comparison import Comparison
from reports.completeness import plural
from reports.page import Paper, Table

NAMED = 3  # devices in a caption


def for_paper(table: Table, comparison: Comparison) -> Table:
    """The table with its form in a paper: the columns that fit, a caption and notes."""
    columns = fitting(table.columns)
    return table._replace(paper=Paper(columns, caption(comparison), notes(columns)))


def caption(comparison: Comparison) -> str:
    """Data, network, placement, protocol, split, steps, seeds and hardware."""
    config = comparison.records[0].config
    sentences = [
        f"Attention blocks in {config.model} with {config.encoder} ({weights(config)}), "
        f"placement {config.placement}, on {config.dataset}",
        training(config),
        f"mIoU of the {split(config)}, {seeds(comparison.records)}",
        f"Trained on {hardware(comparison.records)}",
    ]
    return ". ".join(sentences) + "."


def weights(config: RunConfig) -> str:
    name = config.encoder_weights
    return f"{name} weights" if name else "random weights"


def training(config: RunConfig) -> str:
    protocol = f"Protocol {config.protocol}: " if config.protocol else ""
    size = f"{config.image_size}x{config.image_size}"
    steps = plural(config.max_steps, "step")
    first = f"{steps} of {config.batch_size} images of {size}"
    return f"{protocol}{first}, {config.optimizer} with a learning rate of {config.lr:g}"


def split(config: RunConfig) -> str:
    name = {"val": "validation", "test": "test"}[config.score_on]
    weights = "best validation" if config.select == "best" else "last step"
    return f"{name} split after the {weights}"


def seeds(records: Iterable[RunRecord]) -> str:
    """How many runs a row has, which need not be the same in all rows."""
    by_block: dict[str, set[int]] = {}
    for record in records:
        by_block.setdefault(record.config.placed_block, set()).add(record.config.seed)
    numbers = sorted({len(used) for used in by_block.values()})
    if len(numbers) == 1:
        return plural(numbers[0], "seed")
    return f"{numbers[0]} to {numbers[-1]} seeds"


def hardware(records: Iterable[RunRecord]) -> str:
    devices = sorted({record.device for record in records})
    more = len(devices) - NAMED
    names = devices[:NAMED] + ([f"{more} more"] if more > 0 else [])
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
