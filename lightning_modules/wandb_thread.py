"""The thread in which wandb works, and how long a training waits for it."""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any

from ablations.errors import InputError

INIT_SECONDS = 15.0  # to start a run, and as long again to log in; or $WANDB_INIT_TIMEOUT
AGENT_INIT_SECONDS = 90.0  # the same for an agent's run, which needs the server
FINISH_SECONDS = 30.0  # to upload the rest after the training; or $WANDB_FINISH_TIMEOUT
GRACE_SECONDS = 5.0  # beyond that, for wandb to end on its own


class Errands(Thread):
    """A thread that does one thing after another; no one has to wait for it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.queue: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = (
            SimpleQueue()
        )
        self.failures: list[BaseException] = []

    def submit(self, errand: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self.queue.put((errand, future))
        return future

    def end(self) -> None:
        """End after the errands submitted so far."""
        self.queue.put(None)

    def run(self) -> None:
        while (item := self.queue.get()) is not None:
            errand, future = item
            try:
                future.set_result(errand())
            except BaseException as error:  # wandb may raise SystemExit
                self.failures.append(error)
                future.set_exception(error)


def stop_service() -> None:
    """Kill this process's wandb-core, so that nothing waits for it."""
    command = ["pkill", "-KILL", "-P", str(os.getpid()), "wandb-core"]
    with suppress(OSError):  # no pkill: it ends with this process
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603, fixed


def seconds(name: str, default: float) -> float:
    """A limit, which W&B's environment variable of that name overrides."""
    limit = os.environ.get(f"WANDB_{name}", default)
    try:
        return float(limit)
    except ValueError:
        raise InputError(f"WANDB_{name} = {limit!r}: not a number of seconds") from None
