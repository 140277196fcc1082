"""Anything a run raises becomes its recorded failure; only a request to stop is raised."""

import os
import signal
from pathlib import Path
from threading import Lock
from typing import NoReturn

import pytest

from ablations.records import Failure
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.execution import Execution
from sweeps.local.command import Stopped
from sweeps.local.logs import log_end
from sweeps.local.one_run import Message, carry_out
from tests.planned_runs import launch, planned_run

CONFIG = RunConfig()


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


class HoldingError(Exception):
    """It cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("holding a lock")
        self.lock = Lock()


class OddError(BaseException):
    pass


def end_of_run(
    error: BaseException, study: Path, monkeypatch: pytest.MonkeyPatch
) -> Message:
    def raises(*arguments: object) -> NoReturn:
        os.write(1, b"last words")
        raise error

    monkeypatch.setattr("lightning_modules.run.train", raises)
    return carry_out(planned_run(CONFIG), launch(study), Execution(), lambda message: None)


def by_lightning(cause: KeyboardInterrupt) -> SystemExit:
    """What Lightning turns a KeyboardInterrupt into."""
    error = SystemExit(1)
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(0), "SystemExit: 0"),
        (SystemExit(), "SystemExit"),
        (SystemExit("no\nmore"), "SystemExit: no"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (by_lightning(KeyboardInterrupt()), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (OddError("odd"), "OddError: odd"),
        (ValueError(), "ValueError"),
        (ValueError("  \n "), "ValueError"),
        (ValueError("lone \ud800"), "ValueError: lone \\ud800"),
        (ValueError("\x1b[31mred"), "ValueError: \\x1b[31mred"),
        (MuteError(), "MuteError"),
        (HoldingError(), "HoldingError: holding a lock"),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, str) else type(value).__name__,
)
def test_whatever_a_run_raises_is_its_failure(
    error: BaseException, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = end_of_run(error, tmp_path, monkeypatch)
    assert (message.kind, message.reason) == ("failed", reason)
    failure = Failure.read(RunFolder(tmp_path, CONFIG).failure)
    assert failure.reasons == (reason,)
    assert len(failure.log) <= 20_000
    assert "last words" in log_end(RunFolder(tmp_path, CONFIG).log)


def test_of_a_long_message_a_part_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = end_of_run(ValueError("x" * 10_000_000), tmp_path, monkeypatch)
    assert len(message.reason) <= 500
    assert RunFolder(tmp_path, CONFIG).failure.stat().st_size < 30_000


def test_a_process_that_is_asked_to_end_records_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Stopped):
        end_of_run(Stopped(128 + signal.SIGTERM), tmp_path, monkeypatch)
    assert not RunFolder(tmp_path, CONFIG).failure.exists()


def test_of_a_long_log_only_the_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("x" * 5_000_000 + "\nthe end\n")
    assert log_end(log).endswith("\nthe end")
    assert len(log_end(log)) <= 20_000
    assert log_end(tmp_path / "none") == ""
