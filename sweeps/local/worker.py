"""A process that carries out one run after another and tells its parent how far it is.

Imports are paid once per process. A run that takes the process down takes nothing else.
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

# Modules are looked for where the parent looks for them, in the same order.
START = """
import sys
sys.path[:] = sys.argv[2:]
from sweeps.local.worker import work
work(int(sys.argv[1]))
"""
STOP_SECONDS = 30.0  # until a process that was asked to end is killed


class Worker:
    """A place for one run at a time, in a process that is started when it is needed."""

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
        self.run: PlannedRun | None = None  # that it is at work on
        self.begun = False  # whether the process said so
        self.seconds = 0.0  # of its run, as far as somebody watched
        self.false_starts = 0  # processes in a row that ended before their run began

    def begin(self, run: PlannedRun) -> None:
        self.run, self.begun, self.seconds = run, False, 0.0
        if self.process is None:
            self.start()
        with contextlib.suppress(OSError):  # it died idle: messages() will tell
            self.connection.send(run)

    def start(self) -> None:
        self.asked_to_end = False
        self.connection, remote = Pipe()
        self.log = tempfile.TemporaryFile()  # noqa: SIM115, of what is said between runs
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
        """All that came since; if the process has ended, how it died comes last."""
        if self.process is None:
            return []
        ended = self.process.poll() is not None  # asked first: then no more can come
        messages, closed = self.receive()
        if ended or closed:
            code = self.end_process()
            messages.append(Message("died", reason=death(code), log=end_of(self.log)))
            self.forget_process()
        return messages

    def receive(self) -> tuple[list[Message], bool]:
        """What has come, and whether no more can come."""
        messages: list[Message] = []
        try:
            while self.connection.poll():
                messages.append(self.connection.recv())
        except (EOFError, OSError):
            return messages, True
        return messages, False

    def stop(self) -> list[Message]:
        """End the process now; the messages that it had sent until then.

        Lightning keeps a checkpoint if a training is under way.
        """
        if self.process is None:
            return []
        self.ask_to_end()
        self.end_process()
        messages, _ = self.receive()
        self.forget_process()
        return messages

    def ask_to_end(self) -> None:
        if self.process and not self.asked_to_end:
            self.process.terminate()
            self.asked_to_end = True

    def close(self) -> None:
        """Let an idle process end; stop one that is at work."""
        if self.process and not self.run:
            self.connection.close()
            self.end_process()
            self.forget_process()
        self.stop()

    def end_process(self) -> int:
        """The exit code of a process that is about to end; one that does not is killed."""
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
    """An interrupt that comes meanwhile reaches this process, and none that is started."""
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
    execution = execution.model_copy(update={"progress_bar": False})

    def tell(message: Message) -> None:
        # the parent may be gone: finish the run all the same
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
        except SystemExit:  # it was asked to end, and has tidied up
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)


def prepare(jobs: int) -> None:
    """Imports are paid once and not in the time of a run; so are threads."""
    import torch

    import lightning_modules.run  # noqa: F401

    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
