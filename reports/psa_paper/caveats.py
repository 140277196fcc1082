"""What a reader must know before comparing the paper's accuracies with each other.

Facts are from public READMEs, which are named; figures that follow from the printed cells
are computed here.
"""

import re
from collections.abc import Iterable

from reports.psa_paper.printed import COSTS, PrintedRow, printed_table

POSE_CODE = "leoxiaobin/deep-high-resolution-net.pytorch"


def warnings(table: int) -> list[str]:
    """The footnotes of a table of accuracies."""
    return [
        "As printed in the paper; nothing here was trained or measured by this suite.",
        *{2: pose, 3: segmentation, 4: test_split, 5: cityscapes}[table](),
    ]


def pose() -> list[str]:
    plain, psa = split(printed_table(2).values())
    _, psa_too = split(printed_table(4).values())
    every_psa = [*psa, *psa_too]
    high = sorted({row.cells["AP50"] for row in every_psa})
    return [
        f"Boxes: AP50 is {' or '.join(high)} in every PSA row of Tables 2 and 4, and AR - "
        f"AP is {gap(every_psa)} there against {gap(plain)} in Table 2's baselines. In "
        "public READMEs, results with ground-truth boxes differ in the same way from those "
        "with the captioned detector's, and are about 2 AP better: about half of the "
        "printed gains may be due to boxes (inferred, not proven: no pose code or weights "
        "are public).",
        f"Pretraining: {' and '.join(row.name for row in psa if row.pretrained == 'N')} "
        "print no ImageNet pretraining; their baselines do.",
    ]


def segmentation() -> list[str]:
    plain, _ = split(printed_table(3).values())
    miou = ", ".join(row.cells["mIoU"] for row in plain)
    return [
        f"The baselines' mIoU ({miou}) is as in the README of "
        "VainF/DeepLabV3Plus-Pytorch; how long the PSA rows were trained is not public.",
        "Input size and split are not printed; they are inferred from the FLOPs.",
    ]


def test_split() -> list[str]:
    hrnet, udp = (printed_table(4)[4, row].cells["AP"] for row in (13, 15))
    return [
        "The table is captioned test-dev, but baselines equal val2017 figures of public "
        f"READMEs: HRNet-W48 at 384x288 prints {hrnet} AP, the val figure of {POSE_CODE} "
        f"(test-dev: 75.5); UDP prints {udp} (its README: 77.8 val, 76.5 test-dev). So the "
        "split of the PSA rows is in doubt too.",
        *pose()[:1],
    ]


def cityscapes() -> list[str]:
    _, psa = split(printed_table(5).values())
    printed = " and ".join(row.cells["mIoU"] for row in psa)
    return [
        f"The PSA rows print {printed} mIoU. The README of NVIDIA/semantic-segmentation, "
        "the code that they extend, gives 86.92 for its released checkpoint without PSA, "
        "86.8 for its recipe with coarse data and 84.7 with fine data only.",
        "An independent port (PaddleSeg) reports 84.62 to 84.90 and says that the authors' "
        "results could not be reproduced. Many other rows look like test-set figures "
        "(inferred).",
    ]


def split(rows: Iterable[PrintedRow]) -> tuple[list[PrintedRow], list[PrintedRow]]:
    """The rows without PSA, and those with it."""
    rows = list(rows)
    psa = [row for row in rows if re.search(r"PSA\b", row.method)]  # not PSANet
    return [row for row in rows if row not in psa], psa


def gap(rows: Iterable[PrintedRow]) -> str:
    """The range of AR - AP."""
    gaps = [float(row.cells["AR"]) - float(row.cells["AP"]) for row in rows]
    return f"{min(gaps):.1f} to {max(gaps):.1f}"


def accuracies(row: PrintedRow) -> dict[str, str]:
    return {name: cell for name, cell in row.cells.items() if name not in COSTS}
