"""Made-up comparisons to draw, and the names in a picture."""

import itertools
import random
from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from ablations.attention import BLOCKS
from ablations.run_config import RunConfig
from reports.comparison import Comparison, comparisons
from tests.test_records import record

OWN = [f"my_package.my_attention_file:Block(ratio={ratio})" for ratio in range(1, 21)]
FORTY = [*BLOCKS, *OWN]  # many names are long


def compared(
    mious: Mapping[str, Iterable[float]],
    macs: Mapping[str, int | None] | None = None,
    **keys: Any,
) -> Comparison:
    """One setting: the mIoU of each block by seed, and what each adds to 1,000 MACs."""
    runs = []
    for block, values in mious.items():
        added = (macs or {}).get(block, 0)
        total = None if added is None else 1000 + added
        costs: dict[str, Any] = {"macs": total, "macs_direct": total}
        costs |= {"not_counted": "aten::odd" if added is None else ""}
        for seed, miou in enumerate(values):
            config = RunConfig(block=block, seed=seed, **keys)
            runs.append(record(config, miou).model_copy(update=costs))
    [comparison] = comparisons(runs)
    return comparison


def drawn_at_random(blocks: Iterable[str], seeds: int = 5) -> Comparison:
    """mIoU near 0.4; several blocks cost the same, as a study's blocks often do."""
    draw = random.Random(0)
    mious = {b: [draw.uniform(0.38, 0.42) for _ in range(seeds)] for b in blocks}
    macs = {b: 0 if b == "none" else draw.choice([20, 21, 1000, 90_000]) for b in mious}
    return compared(mious, macs)


def names(figure: Figure, axes: Axes | None = None) -> dict[str, Annotation]:
    """The annotations of the (only) axes by their text, in their final places."""
    figure.canvas.draw()
    texts = (axes or figure.axes[0]).texts
    shown = [text for text in texts if isinstance(text, Annotation) and text.get_text()]
    assert len({text.get_text() for text in shown}) == len(shown)
    return {text.get_text(): text for text in shown}


def box_of(text: Text) -> Any:
    """Without the arrow of an annotation."""
    return Text.get_window_extent(text)


def overlaps(texts: Iterable[Text]) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), box_of(text)) for text in texts]
    return [
        (one, two)
        for (one, first), (two, second) in itertools.combinations(boxes, 2)
        if first.overlaps(second)
    ]
