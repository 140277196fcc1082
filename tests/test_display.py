"""A sweep shows where it is: bars in a terminal, one line per event in a log."""

import io
import signal

import pytest
from rich.console import Console

from ablations.run_config import RunConfig
from sweeps.display import Display
from sweeps.interrupts import Interrupts

CONFIGS = [RunConfig(block=block, max_steps=8) for block in ("none", "se", "gc", "ea")]


def output_of_sweep(terminal: bool) -> str:
    """The output for four runs: one recorded, one fails, one is half done, one finishes."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, color_system=None)
    display = Display(console)
    display.begin(CONFIGS, 1)
    with display:
        for config in CONFIGS[1:]:
            display.started(config)
        display.failed(CONFIGS[1], "no memory [2 GiB]", again=True)
        display.failed(CONFIGS[1], "no memory [2 GiB]", again=False)
        display.progress(CONFIGS[2], 4, 0.5)
        display.ended(CONFIGS[3], "mIoU 12.0 %")
        display.bars.refresh()
    return text.getvalue()


def test_a_log_has_one_line_per_event() -> None:
    lines = output_of_sweep(terminal=False).splitlines()
    assert lines[:4] == [
        "1 of 4 runs have a record",
        "starting  block se",
        "starting  block gc",
        "starting  block ea",
    ]
    assert lines[4] == "will be retried  block se  no memory [2 GiB]"
    assert lines[5].startswith("[2/4] block se  failed  no memory [2 GiB]")
    assert lines[6].startswith("[3/4] block ea  mIoU 12.0 %")
    assert lines[6].endswith(" left)")
    assert len(lines) == 7


@pytest.mark.parametrize("part", ["3/4 runs, 1 failed", "block gc", "4/8  loss 0.500"])
def test_a_terminal_shows_position_failures_and_running_cells(part: str) -> None:
    frames = output_of_sweep(terminal=True)
    assert part in frames[frames.rindex("grid") :]


def test_an_interrupt_in_the_middle_of_a_print_is_announced_after_it() -> None:
    """A handler that printed would enter the buffer twice, which is an error."""
    text = io.StringIO()
    with Interrupts(Display(Console(file=text, width=120))) as interrupts:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert (interrupts.times, text.getvalue()) == (2, "")
        interrupts.announce()
        first, second = text.getvalue().splitlines()
    assert first.startswith("interrupted: finishing the running cells")
    assert second.startswith("stopping")
    assert len(text.getvalue().splitlines()) == 2
