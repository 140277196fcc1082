"""A process that carries out one run after another and reports progress to its parent.

Each process imports once. A run that crashes its process affects no other run.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from lightning_modules.execution import Execution
from sweeps.local.logs import end_of
from sweeps.local.one_run import Message, carry_out
from sweeps.study.study import Launch, PlannedRun

# Same module search path as the parent, in the same order.
START = """
import sys
sys.path[:] = sys.argv[2:]
from sweeps.local.worker import work
work(int(sys.argv[1]))
"""
STOP_SECONDS = 30.0  # from SIGTERM to SIGKILL


class Worker:
    """A slot for one run at a time, with a process that is started on demand."""

    def __init__(
        self,
        launch: Launch,
        execution: Execution,
        environment: Mapping[str, str],
        jobs: int,
    ) -> None:
        self.order = launch, execution, jobs
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self.run: PlannedRun | None = None  # in progress
        self.begun = False  # reported by the process
        self.seconds = 0.0  # of its run, while it was watched
        self.false_starts = 0  # in a row: processes that exited before their run began

    def begin(self, run: PlannedRun) -> None:
        self.run, self.begun, self.seconds = run, False, 0.0
        if self.process is None:
            self.start()
        with contextlib.suppress(OSError):  # it died idle: messages() reports it
            self.connection.send(run)

    def start(self) -> None:
        self.stop_requested = False
        self.connection, remote = Pipe()
        self.log = tempfile.TemporaryFile()  # noqa: SIM115, output between runs
        number = remote.fileno()
        with remote, interrupts_for_this_process():
            self.process = subprocess.Popen(  # noqa: S603, this file
                [sys.executable, "-P", "-c", START, str(number), *sys.path],
                env=os.environ | self.environment,
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=self.log,
            )
        with contextlib.suppress(OSError):
            self.connection.send(self.order)

    def messages(self) -> list[Message]:
        """All new messages; if the process has ended, the last one says how it died."""
        if self.process is None:
            return []
        ended = self.process.poll() is not None  # checked first, so no message is missed
        messages, closed = self.receive()
        if ended or closed:
            code = self.end_process()
            messages.append(Message("died", reason=death(code), log=end_of(self.log)))
            self.forget_process()
        return messages

    def receive(self) -> tuple[list[Message], bool]:
        """The new messages, and whether the connection is closed."""
        messages: list[Message] = []
        try:
            while self.connection.poll():
                messages.append(self.connection.recv())
        except (EOFError, OSError):
            return messages, True
        return messages, False

    def stop(self) -> list[Message]:
        """Stop the process now; returns the messages that it sent before it ended.

        Lightning saves a checkpoint if training is in progress.
        """
        if self.process is None:
            return []
        self.ask_to_end()
        self.end_process()
        messages, _ = self.receive()
        self.forget_process()
        return messages

    def ask_to_end(self) -> None:
        if self.process and not self.stop_requested:
            self.process.terminate()
            self.stop_requested = True

    def close(self) -> None:
        """Let an idle process exit; stop one with a run in progress."""
        if self.process and not self.run:
            self.connection.close()
            self.end_process()
            self.forget_process()
        self.stop()

    def end_process(self) -> int:
        """The exit code of a process that is about to exit; kills it if it does not."""
        process = self.process
        assert process is not None  # noqa: S101
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def forget_process(self) -> None:
        self.connection.close()
        self.log.close()
        self.process = None


def death(exit_code: int) -> str:
    if -exit_code in set(signal.Signals):
        return f"the process was killed by {signal.Signals(-exit_code).name}"
    return f"the process exited with code {exit_code}"


@contextlib.contextmanager
def interrupts_for_this_process() -> Iterator[None]:
    """Interrupts within the `with` block reach this process, but not those it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(descriptor: int) -> None:
    """Serve runs until the parent closes the connection."""
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)
    # the parent decides what an interrupt means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    launch, execution, jobs = connection.recv()
    prepare(jobs)

    def tell(message: Message) -> None:
        # if the parent is gone, finish the run anyway
        with contextlib.suppress(OSError):
            connection.send(message)

    while True:
        try:
            run: PlannedRun = connection.recv()
        except (EOFError, OSError):
            return
        tell(Message("begun"))
        try:
            tell(carry_out(run, launch, execution, tell))
        except SystemExit:  # it was told to stop, and has cleaned up
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)


def prepare(jobs: int) -> None:
    """Import before the first run, so that no run is charged for it; divide threads."""
    import torch

    import lightning_modules.run  # noqa: F401

    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
