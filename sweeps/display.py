"""What a person sees of a running sweep: bars in a terminal, else one line per event."""

from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from ablations.study import RunConfig


class Display:
    """Position in the grid, time left, and each running cell with its step and loss."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[position]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.cells: dict[RunConfig, TaskID] = {}
        self.fractions: dict[RunConfig, float] = {}  # done of each running cell
        self.done = 0

    def begin(self, total: int, recorded: int) -> None:
        self.total, self.done = total, recorded
        self.grid = self.bars.add_task("[bold]grid", total=total, position="")
        self.update_grid()
        self.say(f"{recorded} of {total} runs have a record")

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bars.stop()

    def started(self, config: RunConfig) -> None:
        if config in self.cells:
            return
        steps = config.max_steps
        self.cells[config] = self.bars.add_task(
            label(config), total=steps, position="starts"
        )

    def progress(self, config: RunConfig, step: int, loss: float) -> None:
        position = f"{step}/{config.max_steps}  loss {loss:.3f}"
        self.bars.update(self.cells[config], completed=step, position=position)
        self.fractions[config] = step / config.max_steps
        self.update_grid()

    def ended(self, config: RunConfig, outcome: str) -> None:
        self.postponed(config)
        self.done += 1
        self.update_grid()
        self.say(f"\\[{self.done}/{self.total}] {label(config)}  {outcome}")

    def failed(self, config: RunConfig, reason: str, again: bool) -> None:
        if again:
            self.say(f"[yellow]will be tried again[/]  {label(config)}  {escape(reason)}")
        else:
            self.ended(config, f"[red]failed[/]  {escape(reason)}")

    def postponed(self, config: RunConfig) -> None:
        """Not running any more."""
        if config in self.cells:
            self.bars.remove_task(self.cells.pop(config))
        self.fractions.pop(config, None)

    def interrupted(self, times: int) -> None:
        self.say(
            "interrupted: running cells will be finished; once more stops them"
            if times == 1
            else "stopping; `ablate sweep` goes on from here"
        )

    def update_grid(self) -> None:
        done = self.done + sum(self.fractions.values())
        self.bars.update(
            self.grid, completed=done, position=f"{self.done}/{self.total} runs"
        )

    def say(self, line: str) -> None:
        self.console.print(line, highlight=False)


def label(config: RunConfig) -> str:
    return escape(f"{config.block}, {config.placement}, seed {config.seed}")
