"""The environment and the command of a run, as W&B's agent sets them for its child.

The sweep's id is missing, since no server handed out the cell; wandb still takes the values
from the file, and `wandb sync` shows the runs as one group.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import yaml

from ablations.records import RunRecord
from ablations.run_folder import RunFolder
from ablations.whole_file import write_whole
from sweeps.attempt import Attempt
from sweeps.local.logs import log_end
from sweeps.study.command import as_sent, expand, search_path
from sweeps.study.study import Launch, PlannedRun

STOP_SECONDS = 10.0  # from SIGTERM to SIGKILL


class CommandError(RuntimeError):
    """The command of a run ended without a record."""


class Stopped(SystemExit):
    """This process was told to stop; anything that the run itself raises is a failure."""


@contextmanager
def as_child(run: PlannedRun, launch: Launch, mode: str) -> Iterator[None]:
    """Give this process the environment of an agent's child; mode is WANDB_MODE."""
    folder = launch.absolute().folder(run)
    write_cell(run.cell, folder)
    with variables(environment(launch, folder, mode)):
        yield


def environment(launch: Launch, folder: RunFolder, mode: str) -> dict[str, str | None]:
    """The variables that W&B's agent sets for a child; None means unset.

    The id is as short as W&B's own, and the same for every attempt.
    """
    return {
        "WANDB_RUN_ID": f"{launch.study_name}-{folder.config.run_id.rpartition('-')[2]}",
        "WANDB_RUN_GROUP": launch.study_name,
        "WANDB_SWEEP_PARAM_PATH": str(folder.cell),
        "WANDB_SWEEP_ID": None,
        "WANDB_DIR": str(folder.path),
        "WANDB_MODE": mode,
        "WANDB_PROJECT": launch.project or os.environ.get("WANDB_PROJECT"),
        "WANDB_ENTITY": launch.entity or os.environ.get("WANDB_ENTITY"),
        "ABLATE_RUNS": str(folder.study_folder.parent),
    }


@contextmanager
def variables(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables within the `with` block."""
    before = {name: os.environ.get(name) for name in changes}
    set_variables(changes)
    try:
        yield
    finally:
        set_variables(before)


def set_variables(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def write_cell(cell: Mapping[str, Any], folder: RunFolder) -> None:
    """Write the values of a cell as wandb reads them, and as ${args_json_file}."""
    sent = as_sent(cell)
    entries = {key: {"value": value} for key, value in sent.items()}
    whole = {"wandb_version": 1} | entries
    write_whole(folder.cell, yaml.safe_dump(whole).encode())
    write_whole(folder.cell_json, json.dumps(sent).encode())


def run_command(run: PlannedRun, launch: Launch) -> RunRecord:
    """Carry out a run with the sweep's command, within as_child; returns its record.

    Raises CommandError if the command leaves no record, and records the reason as the
    run's failure unless the command recorded its own.
    """
    folder = launch.absolute().folder(run)
    attempt, cell_json = Attempt(folder), str(folder.cell_json)
    code = call(expand(launch.command, launch.program, run.cell, cell_json))
    if record := folder.find_record():
        return record
    reason = f"the command exited with code {code} and left no record"
    attempt.note_failure("error", reason, log_end(folder.log))
    raise CommandError(reason)


def call(words: Sequence[str]) -> int:
    """The exit code of a command; its `python` is the one that runs this process.

    The command has its own process group, so that an interrupt does not reach it. It ends
    with this process, unless this process is killed.
    """
    with (
        subprocess.Popen(  # noqa: S603, the sweep file is the user's
            words,
            env=os.environ | {"PATH": search_path()},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        ) as child,
        ending_with_this_process(child),
    ):
        return child.wait()


@contextmanager
def ending_with_this_process(child: "subprocess.Popen[bytes]") -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        end(child)


def end(child: "subprocess.Popen[bytes]") -> None:
    """Terminate a command that is still running; kill it if it does not exit."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
