"""The progress of a sweep: bars in a terminal, otherwise one line per event."""

from datetime import timedelta
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ablations.errors import printable
from ablations.run_config import RunConfig
from sweeps.pace import Pace
from sweeps.study.coverage import swept_keys


class Display:
    """Position in the grid, time left, and each run in progress with its step and loss."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[position]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self.tasks: dict[RunConfig, TaskID] = {}
        self.waiting: set[RunConfig] = set()  # for another process
        self.pace = Pace()
        self.done = self.failures = 0

    def begin(self, configs: list[RunConfig], recorded: int) -> None:
        self.total, self.done = len(configs), recorded
        self.keys = swept_keys(configs)
        self.grid = self.bars.add_task("[bold]grid", total=len(configs), position="")
        self.update_grid()
        self.say(f"{recorded} of {len(configs)} runs have a record")

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bars.stop()

    def started(self, config: RunConfig) -> None:
        if config not in self.tasks:
            self.add_bar(config, "starting")
            self.pace.begins(config)
            self.say_in_log(f"starting  {self.label(config)}")

    def waits(self, config: RunConfig) -> None:
        """Another process holds this run; announced once."""
        if config not in self.waiting:
            self.postponed(config)
            self.add_bar(config, "waiting for another process")
            self.waiting.add(config)
            self.say_in_log(f"waiting for another process: {self.label(config)}")

    def progress(self, config: RunConfig, step: int, loss: float) -> None:
        if config in self.waiting:  # the other process has released it
            self.postponed(config)
            self.started(config)
        position = f"{step}/{config.max_steps}  loss {loss:.3f}"
        self.bars.update(self.tasks[config], completed=step, position=position)
        self.pace.progress(config, step / config.max_steps)
        self.update_grid()

    def ended(self, config: RunConfig, outcome: str, timed: bool = True) -> None:
        self.pace.ends(config, timed)
        self.postponed(config)
        self.done += 1
        self.update_grid()
        # the bars of a terminal show the time left
        left = "" if self.console.is_terminal or not self.left() else f"  ({self.left()})"
        self.say(f"\\[{self.done}/{self.total}] {self.label(config)}  {outcome}{left}")

    def failed(self, config: RunConfig, reason: str, again: bool) -> None:
        reason = escape(printable(reason))
        if again:
            self.say(f"[yellow]will be retried[/]  {self.label(config)}  {reason}")
        else:
            self.failures += 1
            self.ended(config, f"[red]failed[/]  {reason}", timed=False)

    def postponed(self, config: RunConfig) -> None:
        """The run is no longer in progress."""
        if config in self.tasks:
            self.bars.remove_task(self.tasks.pop(config))
        self.waiting.discard(config)
        self.pace.ends(config, timed=False)

    def false_start(self, reason: str) -> None:
        reason = escape(printable(reason))
        self.say(f"[yellow]a worker exited before its run began[/]  {reason}")

    def interrupted(self, times: int) -> None:
        self.say(
            "interrupted: finishing the running cells; interrupt again to stop them"
            if times == 1
            else "stopping; the same command resumes from here"
        )

    def add_bar(self, config: RunConfig, position: str) -> None:
        self.tasks[config] = self.bars.add_task(
            self.label(config), total=config.max_steps, position=position
        )

    def update_grid(self) -> None:
        position = f"{self.done}/{self.total} runs"
        if self.failures:
            position += f", [red]{self.failures} failed[/]"
        if left := self.left():
            position += f", {left}"
        done = self.done + sum(self.pace.fractions().values())
        self.bars.update(self.grid, completed=done, position=position)

    def left(self) -> str:
        """The time left, or nothing if it is unknown."""
        seconds = self.pace.seconds_left(self.total - self.done)
        return f"{timedelta(seconds=round(seconds))} left" if seconds else ""

    def say_in_log(self, line: str) -> None:
        """Print an event that a terminal shows as a bar."""
        if not self.console.is_terminal:
            self.say(line)

    def say(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True)

    def label(self, config: RunConfig) -> str:
        """The values that distinguish the run from the others of its sweep."""
        values = [f"{key} {getattr(config, key)}" for key in self.keys]
        return escape(printable(", ".join(values) or config.run_id))
