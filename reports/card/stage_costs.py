"""What blocks cost at the four stages of a ResNet-50, and which controls cost as much."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pandas import DataFrame

from ablations.bare_models import BareModel
from ablations.complexity.site_costs import SiteCost, site_costs
from ablations.complexity.subjects import Setting
from ablations.errors import InputError
from ablations.sites import site_stages
from ablations.wrappers import CONTROLS
from reports.columns import BLOCK
from reports.page import Column, Table
from reports.units import count, label, millions
from reports.where import where_table

STAGES = Setting(BareModel("unet", "resnet50", 21), "stages@2-5", (512, 512))
WHERE = "the four stages of a ResNet-50, images of 512x512"
COLUMNS = [
    Column("stage", "Stage", count),
    Column("channels", "Channels", count),
    Column("side", "Side", count),
    BLOCK,
    Column("params", "Params", count),
    Column("direct", "MACs as published (M)", millions),
    Column("fast", "as run (M)", millions),
]


class Totals(NamedTuple):
    """Of a block at every stage together; None if not counted."""

    params: int
    direct: int | None
    fast: int | None


def stage_table(blocks: Iterable[str]) -> Table:
    """One row for each block at each stage; a note for a block that does not fit."""
    rows, problems = list[dict[str, Any]](), list[str]()
    for block in blocks:
        try:
            rows += stage_rows(block)
        except InputError as error:
            problems.append(str(error))
    names = [column.name for column in COLUMNS]
    numbers = DataFrame(rows, columns=names).sort_values("stage", kind="stable")
    caption = f"Cost of one block at {WHERE}"
    return Table(numbers.reset_index(drop=True), COLUMNS, "card-cost", caption, problems)


def stage_rows(block: str) -> Iterator[dict[str, Any]]:
    stages = site_stages(STAGES.bare, STAGES.placement)
    published = site_costs(block, STAGES, "direct")
    for direct, fast in zip(published, site_costs(block, STAGES, "fast"), strict=True):
        yield {
            "stage": stages[direct.path],
            "channels": direct.channels,
            "side": side_of(direct),
            "block": block,
            "params": direct.params,
            "direct": direct.macs,
            "fast": fast.macs,
        }


def side_of(cost: SiteCost) -> int:
    """Of the square feature map."""
    return round(STAGES.size[0] / cost.stride)


def totals(table: Table) -> dict[str, Totals]:
    """By block, in the order of the table."""
    groups = table.numbers.groupby("block", sort=False)
    return {
        str(block): Totals(int(rows["params"].sum()), *map(whole, both(rows)))
        for block, rows in groups
    }


def both(rows: DataFrame) -> Sequence[list[Any]]:
    return rows["direct"].tolist(), rows["fast"].tolist()


def whole(macs: Sequence[Any]) -> int | None:
    return None if any(isinstance(one, str) for one in macs) else sum(macs)


def control_tables(block: str) -> tuple[list[Table], list[str]]:
    """Of each control that can be made, and why others cannot."""
    tables, problems = list[Table](), list[str]()
    for control, name in CONTROLS.items():
        try:
            table = where_table(f"{control}({block})", STAGES, "direct")
        except InputError as error:
            problems.append(str(error))
            continue
        caption = f"{name.format(label(block))}: bottlenecks at {WHERE}"
        file = f"card-{control.replace('_', '-')}"
        tables.append(table._replace(name=file, caption=caption))
    return tables, problems
