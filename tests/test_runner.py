"""The end of each run is recorded once, whatever else happens at the same time.

Workers are scripted and the clock is set by hand; test_sweep_failures.py uses real ones.
"""

import io
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from ablations.errors import InputError
from ablations.records import Failure
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.execution import Execution
from sweeps.book import Book
from sweeps.display import Display
from sweeps.local import runner
from sweeps.local.one_run import Message
from sweeps.local.resources import Resources
from sweeps.local.runner import Runner
from sweeps.outcome import Summary
from sweeps.study.study import PlannedRun
from tests.planned_runs import launch, planned_run
from tests.test_records import record

FIRST, SECOND = RunConfig(max_steps=4), RunConfig(max_steps=4, seed=1)
BEGUN, BUSY, FINISHED = Message("begun"), Message("busy"), Message("finished", miou=0.5)
FAILED = Message("failed", reason="ValueError: no luck")
DIED = Message("died", reason="the process was killed by SIGSEGV", log="\nlast words\n")

Messages = Sequence[Message]
ALONE = Resources()


class Scripted:
    """A worker with scripted messages for each look; `stop` returns its last words."""

    process = None
    false_starts = 0

    def __init__(self, looks: Sequence[Messages], last_words: Messages = ()) -> None:
        self.looks, self.last_words = deque(looks), last_words
        self.run: PlannedRun | None = None
        self.stopped = self.idle_looks = 0
        self.configs: list[RunConfig] = []

    def begin(self, run: PlannedRun) -> None:
        self.run, self.begun, self.seconds = run, False, 0.0
        self.configs.append(run.config)

    def messages(self) -> Messages:
        if self.run and self.looks:
            return self.looks.popleft()
        self.idle_looks += 1
        assert self.idle_looks < 100, "the runner waits for a worker that sends no more"
        return ()

    def ask_to_end(self) -> None:
        self.stopped += 1

    def stop(self) -> Messages:
        messages, self.last_words = self.last_words, ()
        return messages

    def close(self) -> None:
        pass


class Clock:
    """Advances by a fixed number of seconds each time it is read."""

    now = 0.0

    def __init__(self, step: float) -> None:
        self.step = step

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


class Scene:
    """A runner of two runs with one scripted worker, and its log."""

    def __init__(
        self, folder: Path, worker: Scripted, resources: Resources = ALONE
    ) -> None:
        self.text = io.StringIO()
        self.folder, self.worker = folder, worker
        display = Display(Console(file=self.text, width=200))
        runs = [planned_run(FIRST), planned_run(SECOND)]
        book = Book(runs, launch(folder), resources.retries, display)
        self.runner = Runner(book, Execution(), resources)
        self.runner.workers = [worker]  # type: ignore[list-item]

    def run(self) -> Summary:
        return self.runner.run()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(0.6)
    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=clock.monotonic))
    monkeypatch.setattr(runner, "wait", lambda connections, seconds: [])
    return clock


def counts(summary: Summary) -> tuple[int, int, int, int]:
    failed = len(summary.failed)
    return summary.finished, summary.recorded, failed, summary.waiting


def leave_failure(folder: Path, config: RunConfig) -> None:
    """What a worker does before it sends `failed`."""
    RunFolder(folder, config).note_failure("error", FAILED.reason)


LIMIT = Resources(timeout=1.0)  # passed in the third look at a run


@pytest.mark.parametrize(
    "moment", ["in its look", "from what it said before it was stopped"]
)
@pytest.mark.parametrize(
    ("end", "expected", "reasons"),
    [
        (FINISHED, (2, 0, 0, 0), ()),
        (Message("recorded"), (1, 1, 0, 0), ()),
        (FAILED, (1, 0, 1, 0), (FAILED.reason,)),
        (DIED, (1, 0, 1, 0), (DIED.reason,)),
    ],
)
@pytest.mark.usefixtures("clock")
def test_a_run_that_ends_and_is_overdue_has_ended_once(
    moment: str,
    end: Message,
    expected: tuple[int, ...],
    reasons: tuple[str, ...],
    tmp_path: Path,
) -> None:
    second = [[BEGUN, FINISHED]]
    if moment == "in its look":
        worker = Scripted([[BEGUN], [], [end, DIED], *second])
    else:
        worker = Scripted([[BEGUN], [], [], *second], last_words=[end])
    scene = Scene(tmp_path, worker, LIMIT)
    if end is FAILED:
        leave_failure(tmp_path, FIRST)
    assert counts(scene.run()) == expected
    assert RunFolder(tmp_path, FIRST).failures() == reasons
    assert worker.configs == [FIRST, SECOND]
    assert scene.text.getvalue().count("[1/2]") == 1


@pytest.mark.usefixtures("clock")
def test_a_run_that_does_not_end_in_time_is_a_time_out(tmp_path: Path) -> None:
    worker = Scripted([[BEGUN], [], [], [BEGUN, FINISHED]])
    summary = Scene(tmp_path, worker, LIMIT).run()
    assert counts(summary) == (1, 0, 1, 0)
    assert Failure.read(RunFolder(tmp_path, FIRST).failure).kind == "time-out"
    assert worker.stopped == 1


def test_time_in_which_the_runner_was_stopped_is_not_the_runs(
    clock: Clock, tmp_path: Path
) -> None:
    clock.step = 9.0  # Ctrl-Z and fg between any two looks
    worker = Scripted([[BEGUN], [], [], [FINISHED], [BEGUN], [FINISHED]])
    assert counts(Scene(tmp_path, worker, Resources(timeout=6)).run()) == (2, 0, 0, 0)


@pytest.mark.parametrize(
    ("last_words", "expected"),
    [([], (0, 0, 0, 2)), ([FAILED], (0, 0, 1, 1)), ([FINISHED], (1, 0, 0, 1))],
)
@pytest.mark.usefixtures("clock")
def test_a_second_interrupt_meets_the_end_of_a_run(
    last_words: Messages, expected: tuple[int, ...], tmp_path: Path
) -> None:
    scene = Scene(tmp_path, worker := Scripted([[BEGUN]], last_words))

    def interrupt_twice() -> Messages:
        scene.runner.interrupts.times = 2
        return [BEGUN]

    worker.messages = interrupt_twice  # type: ignore[method-assign]
    assert counts(scene.run()) == expected
    assert worker.stopped == 1


@pytest.mark.usefixtures("clock")
def test_a_failure_after_an_interrupt_is_not_retried(tmp_path: Path) -> None:
    scene = Scene(tmp_path, worker := Scripted([]), Resources(retries=5))

    def interrupt_once() -> Messages:
        scene.runner.interrupts.times = 1
        return [BEGUN, FAILED]

    worker.messages = interrupt_once  # type: ignore[method-assign]
    assert counts(scene.run()) == (0, 0, 1, 1)
    assert "will be retried" not in scene.text.getvalue()


@pytest.mark.usefixtures("clock")
def test_a_retry_may_end_in_another_way(tmp_path: Path) -> None:
    looks = [[BEGUN, DIED], [BEGUN, FINISHED], [BEGUN, DIED], [BEGUN, DIED]]
    worker = Scripted(looks)
    scene = Scene(tmp_path, worker, Resources(retries=2))
    summary = scene.run()
    assert counts(summary) == (1, 0, 1, 0)
    assert summary.repeated == 2
    assert worker.configs == [FIRST, SECOND, FIRST, FIRST]
    assert RunFolder(tmp_path, FIRST).failures() == (DIED.reason,) * 3


@pytest.mark.usefixtures("clock")
def test_a_record_that_a_dying_worker_left_counts(tmp_path: Path) -> None:
    worker = Scripted([[BEGUN], [DIED], [BEGUN, FINISHED]])
    scene = Scene(tmp_path, worker)
    begin = worker.begin

    def begin_and_record(run: PlannedRun) -> None:
        begin(run)
        record(run.config).write(RunFolder(tmp_path, run.config).record)

    worker.begin = begin_and_record  # type: ignore[method-assign]
    assert counts(scene.run()) == (2, 0, 0, 0)
    assert RunFolder(tmp_path, FIRST).failures() == ()


@pytest.mark.usefixtures("clock")
def test_a_failure_that_a_dying_worker_left_is_not_noted_again(tmp_path: Path) -> None:
    worker = Scripted([[BEGUN], [DIED], [BEGUN, FINISHED]])
    scene = Scene(tmp_path, worker)
    begin = worker.begin

    def begin_and_fail(run: PlannedRun) -> None:
        begin(run)
        if run.config == FIRST:
            leave_failure(tmp_path, FIRST)

    worker.begin = begin_and_fail  # type: ignore[method-assign]
    summary = scene.run()
    assert list(summary.failed.values()) == [FAILED.reason]
    assert RunFolder(tmp_path, FIRST).failures() == (FAILED.reason,)


@pytest.mark.usefixtures("clock")
def test_a_worker_that_ends_before_its_run_begins_is_no_failure_of_the_run(
    tmp_path: Path,
) -> None:
    worker = Scripted([[DIED], [DIED], [BEGUN, FINISHED], [BEGUN, FINISHED, DIED]])
    scene = Scene(tmp_path, worker)
    assert counts(scene.run()) == (2, 0, 0, 0)
    assert worker.configs == [FIRST, FIRST, FIRST, SECOND]
    assert RunFolder(tmp_path, FIRST).failures() == ()
    output = scene.text.getvalue()
    assert (
        output.count(f"a worker exited before its run began  {DIED.reason}: last words")
        == 2
    )


@pytest.mark.usefixtures("clock")
def test_workers_that_never_start_end_the_sweep_with_their_last_words(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, Scripted([[DIED]] * 9))
    with pytest.raises(InputError, match="killed by SIGSEGV: last words"):
        scene.run()
    assert RunFolder(tmp_path, FIRST).failures() == ()


def test_waiting_for_another_process_is_said_once_and_other_runs_come_first(
    clock: Clock, tmp_path: Path
) -> None:
    looks = [[BEGUN, BUSY], [BEGUN, FINISHED], *[[BEGUN, BUSY]] * 20]
    worker = Scripted([*looks, [BEGUN, Message("progress", step=1), FINISHED]])
    scene = Scene(tmp_path, worker)
    assert counts(scene.run()) == (2, 0, 0, 0)
    assert worker.configs[:2] == [FIRST, SECOND]
    output = scene.text.getvalue().splitlines()
    assert output.count("waiting for another process: seed 0") == 1
    assert output.count("starting  seed 0") == 2  # once more when this process runs it


def test_a_record_of_another_process_is_seen_without_asking_for_the_run(
    clock: Clock, tmp_path: Path
) -> None:
    clock.step = 0.0  # so it is never time to look
    worker = Scripted([[BEGUN, BUSY], [BEGUN, FINISHED]])
    scene = Scene(tmp_path, worker)
    begin = worker.begin

    def begin_and_record(run: PlannedRun) -> None:
        begin(run)
        if run.config == SECOND:  # meanwhile the first one finishes elsewhere
            record(FIRST).write(RunFolder(tmp_path, FIRST).record)

    worker.begin = begin_and_record  # type: ignore[method-assign]
    assert counts(scene.run()) == (1, 1, 0, 0)
    assert worker.configs == [FIRST, SECOND]
