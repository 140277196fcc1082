"""The columns of tables: which number, under which header, in which unit."""

from typing import TYPE_CHECKING

import pandas as pd

from reports.page import WIDE, Column, Show
from reports.power import MOST
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
    signed_ratio,
    up_to,
)

if TYPE_CHECKING:  # importing it takes the memory of smp and timm
    from ablations.complexity.conventions import Convention

BLOCK = Column("block", "Block", label, "left")
EVALUATION = Column("evaluation", "Evaluation", str, "left")
ADDED_PARAMS = [
    Column("params", "(M)", millions, group="Params"),
    Column("added_params_share", "added", share, group="Params"),
]
GAIN = Column("gain", "Gain", points, best="max")
GAIN_P = Column("gain_p_holm", "p (Holm)", probability)
COMPARISON = [
    BLOCK,
    Column("miou", "mIoU (%)", percent, best="max"),
    GAIN,
    Column("gain_low", "95 %", points, upto="gain_high"),
    GAIN_P,
    Column("added_params_share", "Params added", share, rank=1),
    Column("added_macs_share", "MACs added", share, rank=1),
    Column("miou_std", "± std", percent, rank=WIDE),
    Column("seeds", "Seeds", count, rank=WIDE),
    Column("gain_p", "p", probability, rank=WIDE),
    Column("effect", "Effect g", signed_ratio, rank=WIDE),
    Column("detectable", "Detectable", percent, rank=WIDE),
    Column("seeds_needed", "Seeds needed", up_to(MOST), rank=WIDE),
    Column("control", "Control", label, "left", rank=WIDE),
    Column("control_gain", "Over control", points, rank=WIDE),
    Column("control_low", "Over control 95 %", points, rank=WIDE, upto="control_high"),
    Column("control_p", "Over control p (Holm)", probability, rank=WIDE),
    Column("params", "Params (M)", millions, rank=WIDE),
    Column("macs_direct", "(M)", millions, group="MACs as published", rank=WIDE),
    Column("added_macs_direct_share", "added", share, group="MACs as published", rank=WIDE),
    Column("macs", "MACs as run (M)", millions, rank=WIDE),
]
CONTROLS = [
    BLOCK,
    Column("control", "Control", label, "left"),
    Column("control_gain", "Block minus control", points),
    Column("control_low", "95 %", points, upto="control_high"),
    Column("control_p", "p (Holm)", probability),
    Column("control_seeds", "Seeds", count),
]


def beside_validation(columns: list[Column]) -> list[Column]:
    """A score on the test split stands beside that of the validation before it."""
    validation = Column("val_miou", "Validation mIoU (%)", either(percent), rank=1)
    test = Column("miou", "Test mIoU (%)", percent)
    return [
        shown
        for column in columns
        for shown in ([validation, test] if column.name == "miou" else [column])
    ]


VIEWS = {"flip": "mIoU, flipped (%)", "multi_scale": "mIoU, multi-scale (%)"}


def comparison_columns(table: pd.DataFrame, test_augmentation: str) -> list[Column]:
    """With the mIoU over several views of each image, if the runs have one."""
    if "miou_augmented" not in table:
        return COMPARISON
    column = Column("miou_augmented", VIEWS[test_augmentation], percent)
    return [*COMPARISON[:2], column, *COMPARISON[2:]]


def time_column(table: pd.DataFrame, on_cpu: bool) -> Column:
    """Device seconds if every row has them, else wall clock; the header says which."""
    if table["compute_seconds"].isna().any():
        return Column("train_seconds", "Train (wall s)", seconds, rank=WIDE)
    kind = "CPU" if on_cpu else "device"
    return Column("compute_seconds", f"Train ({kind} s)", seconds, rank=WIDE)


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
