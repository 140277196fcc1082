"""The heading of a picture with many panels: lines of any text, wrapped to its width."""

from collections.abc import Sequence
from textwrap import fill

from matplotlib.figure import Figure

from ablations.errors import visible
from reports.write.cells import shortened

SIZE = 10  # of the font
CHARACTERS = 11  # in an inch
LINE = 0.18  # inches


def wrapped(lines: Sequence[str], inches: float) -> str:
    """Lines without control characters, none of them wider than that."""
    width = int(CHARACTERS * inches)
    return "\n".join(fill(visible(shortened(line)), width) for line in lines)


def height(heading: str) -> float:
    """What a wrapped heading takes, in inches."""
    return LINE * (1 + heading.count("\n")) + 0.1


def add_heading(figure: Figure, heading: str) -> None:
    figure.suptitle(heading, fontsize=SIZE, parse_math=False)
