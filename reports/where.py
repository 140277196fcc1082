"""Where the blocks of a model are, and what each of them costs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pandas import DataFrame

from ablations.attention.base import Evaluation
from ablations.complexity.control_costs import control_costs
from ablations.complexity.cost import total
from ablations.complexity.site_costs import site_costs
from ablations.complexity.subjects import Setting
from ablations.controls import control_of
from ablations.errors import InputError
from ablations.outline import Box, outline
from ablations.sites import Site, site_stages
from reports.columns import LANDINGS, WHERE, control_columns
from reports.cost_tables import control_table, site_table
from reports.network_picture import Row, network_picture
from reports.page import Page, Part, Picture, Table, Text
from reports.units import label


def where_table(block: str, setting: Setting, evaluation: Evaluation) -> Table:
    """A control is shown beside the block that it matches, as published."""
    control = control_of(block)
    if control:
        table = control_table(control_costs(block, setting))
    else:
        table = site_table(site_costs(block, setting, evaluation))
    stages = site_stages(setting.bare, setting.placement)
    table.insert(1, "stage", table["path"].map(stages))
    return Table(table, control_columns(control.name) if control else WHERE)


class Landing(NamedTuple):
    """The sites of one placement, or why there are none."""

    placement: str
    sites: Sequence[Site]
    stages: Mapping[str, int]  # by path
    problem: str


def landing(setting: Setting) -> Landing:
    try:
        sites = setting.sites
        stages = site_stages(setting.bare, setting.placement)
    except InputError as error:
        before, _, reason = str(error).partition(f", {setting.placement}: ")
        return Landing(setting.placement, (), {}, reason or before)
    return Landing(setting.placement, sites, stages, "")


def placements_page(
    block: str, settings: Sequence[Setting], evaluation: Evaluation
) -> Page:
    """Every setting's placement in one picture and one table; the rest they share."""
    bare, _, size = settings[0]
    model = f"{bare.model}, {bare.encoder}, {size[0]}x{size[1]}"
    boxes = outline(bare, size)
    landings = [landing(setting) for setting in settings]
    rows = [Row(one.placement, counts(one, boxes), one.problem) for one in landings]
    numbers = [
        landing_row(block, setting, one, evaluation)
        for setting, one in zip(settings, landings, strict=True)
    ]
    table = Table(
        DataFrame(numbers),
        LANDINGS,
        "placements",
        f"What {label(block)} adds at each placement: {model}, one image",
        [note(row["placement"], row["problem"]) for row in numbers if row["problem"]],
    )
    parts: list[Part] = [
        Picture("placements-picture", model, network_picture(boxes, rows)),
        HOW,
        table,
    ]
    return Page(f"Where blocks go: {model}", parts)


def note(placement: str, problem: str) -> str:
    return problem if problem.startswith(placement) else f"{placement}: {problem}"


HOW = Text(
    "A number counts blocks: in a box, before the layers of that part (on its left "
    "edge) or after them (on its right edge). Stages are numbered as the encoder's "
    "features; in a ResNet, 2 to 5 are conv2_x to conv5_x. Above each part are the "
    "channels and the size of the feature map that leaves it."
)


def counts(one: Landing, boxes: Sequence[Box]) -> Counter[tuple[str, str]]:
    """The number of blocks by box and side: left, inside or right."""
    names = [box.name for box in boxes]
    return Counter(spot(site.path, one.stages.get(site.path), names) for site in one.sites)


def spot(path: str, stage: int | None, names: Sequence[str]) -> tuple[str, str]:
    """The box of a block, and whether it is before, in or after it."""
    host = path.removesuffix("attention").removesuffix(".")
    if stage is not None:
        after = path.startswith("encoder.attention.")
        return str(stage), "right" if after else "inside"
    if host in names:
        return host, "right"
    part = host.partition(".")[0]
    if part not in names:  # the whole model, or a part of the encoder that nothing reads
        return (names[0], "left") if host else (names[-1], "right")
    return part, "left" if host == f"{part}.0" else "inside"


def landing_row(
    block: str, setting: Setting, one: Landing, evaluation: Evaluation
) -> dict[str, Any]:
    """The number, the stages, the channels and the cost of the blocks of a placement."""
    row: dict[str, Any] = {
        "placement": one.placement,
        "blocks": len(one.sites) or None,
        "stages": stages_text(one),
        "channels": ", ".join(map(str, dict.fromkeys(s.channels for s in one.sites))),
        "params": None,
        "macs": None,
        "problem": one.problem or None,
    }
    try:
        costs = site_costs(block, setting, evaluation) if one.sites else []
    except InputError as error:
        return row | {"problem": str(error)}
    macs = [cost.macs for cost in costs]
    texts = [each for each in macs if isinstance(each, str)]
    known = total(each for each in macs if not isinstance(each, str))
    if costs:
        row |= {
            "params": sum(c.params for c in costs),
            "macs": texts[0] if texts else known,
        }
    return row


def stages_text(one: Landing) -> str:
    """Each stage that has blocks, with their number if there are several."""
    numbers = Counter(one.stages[s.path] for s in one.sites if s.path in one.stages)
    return ", ".join(
        f"{stage} ({number})" if number > 1 else str(stage)
        for stage, number in sorted(numbers.items())
    )
