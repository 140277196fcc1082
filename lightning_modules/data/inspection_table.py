"""The table of a data set's check: classes and void, in each split."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from lightning_modules.data.data_source import VOID
from lightning_modules.data.inspection import SplitFindings


def table_of(classes: Sequence[str], findings: Sequence[SplitFindings]) -> Table:
    """The share of pixels and the number of images of each class, in each split."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("class")
    for found in findings:
        table.add_column(f"{found.name}: pixels", justify="right")
        table.add_column("images", justify="right")
    for label, name in [*enumerate(classes), (VOID, "void")]:
        table.add_row(name, *(cell for found in findings for cell in cells(found, label)))
    table.add_section()
    table.add_row("all", *(cell for found in findings for cell in totals(found)))
    table.add_row("sizes", *(cell for found in findings for cell in (sizes(found), "")))
    return table


def cells(found: SplitFindings, label: int) -> tuple[str, str]:
    """The share of a label's pixels, and the number of images that have it."""
    share = 100 * found.pixels[label] / max(1, found.pixels.sum())
    return f"{share:.2f} %", f"{found.occurrences[label]:,}"


def totals(found: SplitFindings) -> tuple[str, str]:
    return f"{found.pixels.sum():,}", f"{found.images:,}"


def sizes(found: SplitFindings) -> str:
    """Heights and widths, from the smallest to the largest."""
    if not found.sizes:
        return ""
    heights, widths = (sorted(side) for side in zip(*found.sizes, strict=True))
    least, most = f"{heights[0]}x{widths[0]}", f"{heights[-1]}x{widths[-1]}"
    return least if least == most else f"{least} to {most}"
