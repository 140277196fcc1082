"""The classes of a setting: how many pixels they have, and their IoU with each block."""

from collections.abc import Sequence

import numpy as np
from pandas import DataFrame

from ablations.records import RunRecord
from reports.areas import Areas
from reports.page import Column, Fold, Part, Table, Text
from reports.tables import block_names, block_order, class_iou
from reports.units import count, label, percent, whole_share
from reports.write.cells import shortened

NAMED = 20  # the most classes in a note
CLASS = Column("class", "Class", str, "left")
LABELLED = [
    Column("labelled", "Labelled pixels", count, rank=1),
    Column("labelled_share", "share", whole_share, rank=1),
]


def class_parts(records: Sequence[RunRecord], name: str) -> list[Part]:
    """The IoU of each class of one setting, and the pixels that were predicted as it."""
    numbers = class_numbers(records)
    if not len(numbers):
        return []
    blocks = block_order(block_names(records))
    iou = [Column(f"iou_{block}", label(block), percent) for block in blocks]
    text = Text("IoU of each class (%), mean over seeds:")
    if "labelled" not in numbers:
        table = Table(numbers, [CLASS, *iou], f"{name}-classes", notes=notes(records))
        return [text, table]
    columns = [CLASS, *LABELLED, *iou]
    table = Table(numbers, columns, f"{name}-classes", notes=notes(records))
    predicted = [Column(f"predicted_{block}", label(block), count) for block in blocks]
    pixels = Table(numbers, [CLASS, LABELLED[0], *predicted])
    return [text, table, Fold("Pixels predicted as each class, mean over seeds", [pixels])]


def class_numbers(records: Sequence[RunRecord]) -> DataFrame:
    """One row per class that is not absent from all runs, in their order.

    Columns: class; labelled and labelled_share, the pixels of a run's labels; iou_BLOCK and
    predicted_BLOCK, means over the runs of a block. Without pixels unless every run has
    counted them.
    """
    iou = class_iou(records).set_index("block").T  # (classes, blocks)
    table = iou.add_prefix("iou_").reset_index(drop=True)
    names = [column.removeprefix("iou_") for column in iou.index]
    table.insert(0, "class", names)
    confusions = [record.confusion for record in records]
    areas = [Areas.of_confusion(each) for each in confusions if each is not None]
    if len(areas) < len(records):
        return table
    places = [list(records[0].iou).index(name) for name in names]
    labelled = np.mean([each.labelled for each in areas], axis=0)  # (classes)
    table.insert(1, "labelled", labelled[places])
    table.insert(2, "labelled_share", labelled[places] / max(1, labelled.sum()))
    predicted = DataFrame([each.predicted[places] for each in areas])
    means = predicted.groupby(block_names(records)).mean().T  # (classes, blocks)
    return table.join(means[list(iou.columns)].add_prefix("predicted_"))


def notes(records: Sequence[RunRecord]) -> list[str]:
    """The classes that are in no mean, or in it with an IoU of 0 whatever was learned."""
    absent = [
        name
        for name in records[0].iou
        if all(record.iou.get(name) is None for record in records)
    ]
    said = [f"Neither labelled nor predicted, so in no mean: {listed(absent)}."]
    return [*(said if absent else []), *never_labelled(records), *other_labels(records)]


def never_labelled(records: Sequence[RunRecord]) -> list[str]:
    """A class without labels has an IoU of 0 in the runs that predict it, and none else."""
    areas = [Areas.of_confusion(r.confusion) for r in records if r.confusion is not None]
    if not areas:
        return []
    labelled = np.any([each.labelled > 0 for each in areas], axis=0)
    predicted = np.any([each.predicted > 0 for each in areas], axis=0)
    names = list(records[0].iou)
    strays = [names[number] for number in np.flatnonzero(predicted & ~labelled)]
    if not strays:
        return []
    return [
        "Never labelled; counted with an IoU of 0 in the mean of each run that predicts it "
        f"anywhere, and in no other: {listed(strays)}."
    ]


def other_labels(records: Sequence[RunRecord]) -> list[str]:
    """Runs of one setting are scored on the same pixels, unless the data have changed."""
    labelled = {
        tuple(map(sum, record.confusion))
        for record in records
        if record.confusion is not None
    }
    if len(labelled) < 2:
        return []
    return ["The runs were scored on different labels; labelled pixels are their mean."]


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(shortened(name, 40) for name in names[:NAMED]) + more
