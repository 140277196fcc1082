"""A sweep's book records the end of each run once, and tells the display."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from sweeps.attempt import Attempt
from sweeps.book import Book
from sweeps.display import Display
from tests.planned_runs import launch, planned_run
from tests.test_records import record

FIRST, SECOND, THIRD = (planned_run(RunConfig(seed=seed)) for seed in range(3))


class OpenBook:
    """An open book of three runs, one of them listed twice, and its log."""

    def __init__(self, folder: Path, retries: int = 0) -> None:
        self.text = io.StringIO()
        display = Display(Console(file=self.text, width=200))
        runs = [FIRST, SECOND, FIRST, THIRD]
        self.book = Book(runs, launch(folder), retries, display)
        self.book.open()

    def begin(self) -> None:
        run = self.book.next_pending()
        assert run is not None
        self.book.begin(run)

    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()


def test_a_repeated_cell_is_one_run(tmp_path: Path) -> None:
    assert list(OpenBook(tmp_path).book.pending) == [FIRST, SECOND, THIRD]


def test_what_has_a_record_is_not_begun(tmp_path: Path) -> None:
    record(FIRST.config).write(RunFolder(tmp_path, FIRST.config).record)
    desk = OpenBook(tmp_path)
    record(SECOND.config).write(RunFolder(tmp_path, SECOND.config).record)
    assert desk.book.next_pending() is THIRD
    assert desk.book.next_pending() is None
    assert desk.book.summary.recorded == 2
    assert desk.lines() == [
        "1 of 3 runs have a record",
        "[2/3] seed 1  finished by another process",
    ]


def test_what_has_no_end_waits(tmp_path: Path) -> None:
    """Whatever its state: running, put back or never begun."""
    desk = OpenBook(tmp_path)
    for _ in range(3):
        desk.begin()
    desk.book.finish(FIRST, 0.5)
    desk.book.put_back(SECOND)
    summary = desk.book.close()
    assert (summary.finished, summary.failed, summary.waiting) == (1, {}, 2)
    assert list(desk.book.pending) == [SECOND]
    assert desk.lines()[1].startswith("[1/3] seed 0  mIoU 50.0 %")


@pytest.mark.parametrize("retry", [True, False])
def test_a_run_is_retried_while_attempts_are_left_and_it_is_allowed(
    retry: bool, tmp_path: Path
) -> None:
    desk = OpenBook(tmp_path, retries=1)
    desk.begin()
    desk.book.fail(FIRST, "no luck", retry)
    assert list(desk.book.pending) == [SECOND, THIRD] + [FIRST] * retry
    while FIRST in desk.book.pending:
        desk.begin()
    if retry:
        desk.book.fail(FIRST, "again no luck", retry)
    words = ["will be retried", "again no luck"] if retry else ["no luck"]
    assert all(word in line for word, line in zip(words, desk.lines()[1:], strict=True))
    assert list(desk.book.summary.failed.values()) == [words[-1]]
    assert desk.book.summary.repeated == retry


def test_a_failure_that_an_attempt_has_left_is_its_reason(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, FIRST.config)
    folder.note_failure("error", "the first attempt")
    attempt = Attempt(folder)
    assert attempt.failure() is None
    folder.note_failure("error", "its own")
    assert attempt.note_failure("crash", "killed", "") == attempt.failure() == "its own"
    assert folder.failures() == ("the first attempt", "its own")
    assert Attempt(folder).note_failure("crash", "killed", "") == "killed"
    assert folder.failures() == ("the first attempt", "its own", "killed")


@pytest.mark.parametrize("content", ["", "{", "[]", "\xff"])
def test_a_damaged_failure_is_an_earlier_attempt_and_stops_no_sweep(
    content: str, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path, FIRST.config)
    folder.path.mkdir()
    folder.failure.write_text(content, encoding="latin-1")
    desk = OpenBook(tmp_path)
    desk.begin()
    attempt = desk.book.running[FIRST]
    assert attempt.failure() is None
    assert attempt.note_failure("crash", "killed", "") == attempt.failure() == "killed"
    damage, reason = folder.failures()
    assert damage.startswith("earlier failures cannot be read: truncated or not a record")
    assert damage.endswith(("record", "(not UTF-8)"))  # no path, no advice
    assert reason == "killed"
