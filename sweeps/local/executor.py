"""The executor of this machine: worker processes, each with one run at a time."""

from lightning_modules.execution import Execution
from sweeps.book import Book
from sweeps.display import Display
from sweeps.local.resources import Resources, check_gpus
from sweeps.local.runner import Runner
from sweeps.outcome import Summary
from sweeps.study.study import Launch, PlannedRun


def here(
    runs: list[PlannedRun],
    launch: Launch,
    execution: Execution,
    resources: Resources,
    display: Display,
) -> Summary:
    """Raises InputError for a device that this machine does not have."""
    from lightning_modules.devices import find_team

    check_gpus(resources.gpus)
    find_team(execution)
    book = Book(runs, launch, resources.retries, display)
    return Runner(book, execution, resources).run()
