"""The heading of a picture with many panels: lines of any text, wrapped to its width."""

from collections.abc import Sequence
from textwrap import fill

from matplotlib.figure import Figure

from ablations.errors import visible
from reports.write.cells import shortened

SIZE = 10  # of the font
CHARACTERS = 11  # in an inch


def add_heading(figure: Figure, lines: Sequence[str]) -> None:
    """Text is shown as it is: no formulas, no control characters."""
    width = int(CHARACTERS * figure.get_figwidth())
    text = "\n".join(fill(visible(shortened(line)), width) for line in lines)
    figure.suptitle(text, fontsize=SIZE, parse_math=False)
