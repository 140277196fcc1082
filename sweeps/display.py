"""What a person sees of a running sweep: bars in a terminal, else one line per event."""

from datetime import timedelta
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
from sweeps.coverage import swept_keys


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
            speed_estimate_period=600,
            disable=not console.is_terminal,
        )
        self.cells: dict[RunConfig, TaskID] = {}
        self.fractions: dict[RunConfig, float] = {}  # done of each running cell
        self.done = self.failures = 0

    def begin(self, cells: list[RunConfig], recorded: int) -> None:
        self.total, self.done = len(cells), recorded
        self.keys = swept_keys(cells)
        self.grid = self.bars.add_task("[bold]grid", total=len(cells), position="")
        self.update_grid()
        self.say(f"{recorded} of {len(cells)} runs have a record")

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
            self.label(config), total=steps, position="starts"
        )
        if not self.console.is_terminal:
            self.say(f"begins  {self.label(config)}")

    def progress(self, config: RunConfig, step: int, loss: float) -> None:
        position = f"{step}/{config.max_steps}  loss {loss:.3f}"
        self.bars.update(self.cells[config], completed=step, position=position)
        self.fractions[config] = step / config.max_steps
        self.update_grid()

    def ended(self, config: RunConfig, outcome: str) -> None:
        self.postponed(config)
        self.done += 1
        self.update_grid()
        self.say(
            f"\\[{self.done}/{self.total}] {self.label(config)}  {outcome}{self.left()}"
        )

    def failed(self, config: RunConfig, reason: str, again: bool) -> None:
        if again:
            self.say(
                f"[yellow]will be tried again[/]  {self.label(config)}  {escape(reason)}"
            )
        else:
            self.failures += 1
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
        position = f"{self.done}/{self.total} runs"
        if self.failures:
            position += f", [red]{self.failures} failed[/]"
        self.bars.update(self.grid, completed=done, position=position)

    def left(self) -> str:
        """The time left, for a log; the bars of a terminal show it themselves."""
        seconds = self.bars.tasks[0].time_remaining
        if self.console.is_terminal or not seconds:
            return ""
        return f"  ({timedelta(seconds=round(seconds))} left)"

    def say(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True)

    def label(self, config: RunConfig) -> str:
        """What tells the run from the others of its sweep."""
        values = [f"{key} {getattr(config, key)}" for key in self.keys]
        return escape(", ".join(values) or config.run_id)
