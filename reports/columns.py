"""The columns of tables: which number, under which header, in which unit."""

from typing import TYPE_CHECKING

import pandas as pd

from reports.page import WIDE, Column, Show
from reports.units import (
    count,
    either,
    images,
    in_mega,
    label,
    megabytes,
    millions,
    milliseconds,
    percent,
    points,
    prefix,
    probability,
    ratio,
    scientific,
    seconds,
    share,
)

if TYPE_CHECKING:  # importing it takes the memory of smp and timm
    from ablations.complexity.conventions import Convention

BLOCK = Column("block", "Block", label, "left")
EVALUATION = Column("evaluation", "Evaluation", str, "left")
ADDED_PARAMS = [
    Column("params", "(M)", millions, group="Params"),
    Column("added_params_share", "added", share, group="Params"),
]
COMPARISON = [
    BLOCK,
    Column("miou", "mIoU (%)", percent),
    Column("miou_std", "± std", percent),
    Column("gain", "Gain", points),
    Column("gain_low", "from", points, group="95 %"),
    Column("gain_high", "to", points, group="95 %"),
    Column("gain_p", "p", probability),
    Column("seeds", "Seeds", count),
    *ADDED_PARAMS,
    Column("macs_direct", "(M)", millions, group="MACs as published"),
    Column("added_macs_direct_share", "added", share, group="MACs as published"),
    Column("macs", "(M)", millions, group="as run"),
    Column("added_macs_share", "added", share, group="as run"),
]


def time_column(table: pd.DataFrame, on_cpu: bool) -> Column:
    """Device seconds if every row has them, else wall clock; the header says which."""
    if table["compute_seconds"].isna().any():
        return Column("train_seconds", "Train (wall s)", seconds)
    kind = "CPU" if on_cpu else "device"
    return Column("compute_seconds", f"Train ({kind} s)", seconds)


def class_columns(table: pd.DataFrame) -> list[Column]:
    """The block, and a column for each class of a table of IoU."""
    names = [name for name in table.columns if name != BLOCK.name]
    return [BLOCK, *(Column(name, name.removeprefix("iou_"), percent) for name in names)]


LATENCY = [
    Column("latency", "(ms)", milliseconds, group="One image"),
    Column("latency_ratio", "times baseline", ratio, group="One image"),
]
TIMING = [
    *LATENCY,
    Column("latency_iqr", "IQR", milliseconds, group="One image", rank=WIDE),
    Column("images_per_second", "Images/s", images, rank=3),
    Column("step", "(ms)", milliseconds, group="Training step"),
    Column("step_ratio", "times baseline", ratio, group="Training step"),
    Column("step_iqr", "IQR", milliseconds, group="Training step", rank=WIDE),
    Column("peak", "(MB)", megabytes, group="Peak of a step", rank=1),
    Column("peak_ratio", "times baseline", ratio, group="Peak of a step", rank=1),
]
FAILED = [
    Column("run", "Run", str, "left"),
    Column("kind", "Kind", str, "left"),
    Column("reason", "Reason", str, "paragraph"),
]


def cost_columns(convention: "Convention") -> list[Column]:
    """The columns for blocks alone."""
    operations, unit = f"{convention.operation}s as", prefix(convention)
    show, run = in_mega(convention), f"run {unit}"
    return [
        BLOCK,
        Column("params", "Params", count),
        Column("direct", f"{operations} published {unit}", show),
        Column("fast", f"{operations} {run}", show, brief=f"as {run}"),
        Column("uncounted", "Uncounted operators", str, "left", rank=WIDE),
    ]


def added_cost_columns(convention: "Convention") -> list[Column]:
    """The columns for blocks in a model."""
    unit, show, signed = prefix(convention), in_mega(convention), in_mega(convention, "+")
    published = f"{convention.operation}s as published"
    columns = [BLOCK, *ADDED_PARAMS]
    for name, group in (("direct", published), ("fast", "as run")):
        columns += [
            Column(name, unit, show, group=group),
            Column(f"added_{name}", f"added {unit}", signed, group=group, rank=WIDE),
            Column(f"added_{name}_share", "share", share, group=group, brief="added"),
        ]
    return columns


def survey_columns(convention: "Convention") -> list[Column]:
    return [
        Column("model", "Model", str, "left"),
        Column("encoder", "Encoder", str, "left"),
        *added_cost_columns(convention),
        Column("problem", "Does not fit", either(str), "paragraph"),
    ]


GROWTH = [
    BLOCK,
    EVALUATION,
    Column("constant", "a", scientific),
    Column("linear", "b", scientific),
    Column("quadratic", "c", scientific),
]
CROSSOVERS = [
    EVALUATION,
    Column("dearer", "Block", label, "left"),
    Column("cheaper", "costs more than", label, "left"),
    Column("side", "from side", count),
]
WHERE = [
    Column("path", "Module", str, "left"),
    Column("stage", "Stage", count),
    Column("channels", "Channels", count),
    Column("stride", "Stride", count),
    Column("params", "Params", count),
    Column("macs", "MACs (M)", millions),
]


def control_columns(control: str) -> list[Column]:
    """The sites of a control: first what it matches, then the rest."""
    groups = [
        costs_beside("params", "Params", count),
        costs_beside("macs", "MACs (M)", millions),
    ]
    if control == "matched_macs":
        groups.reverse()
    return [*WHERE[:4], Column("width", "Width", count), *groups[0], *groups[1]]


def costs_beside(name: str, group: str, show: Show) -> list[Column]:
    """A cost of a control, of its block, and the share by which they differ."""
    return [
        Column(name, "control", show, group=group),
        Column(f"block_{name}", "block", show, group=group),
        Column(f"{name}_difference", "difference", share, group=group),
    ]


LANDINGS = [
    Column("placement", "Placement", str, "left"),
    Column("blocks", "Blocks", count),
    Column("stages", "Stage (blocks)", str, "left", rank=1),
    Column("channels", "Channels", str, "left", rank=2),
    Column("params", "Params", count),
    Column("macs", "MACs (M)", millions),
]
