"""The state of each run of a sweep under any executor; updates the display."""

from collections import Counter, deque
from collections.abc import Iterable

from ablations.whole_file import check_writable
from sweeps.attempt import Attempt
from sweeps.display import Display
from sweeps.outcome import Summary
from sweeps.study.study import Launch, PlannedRun


class Book:
    """Every run is pending, running, finished or failed; each run ends once."""

    def __init__(
        self, runs: Iterable[PlannedRun], launch: Launch, retries: int, display: Display
    ) -> None:
        self.runs = list(dict.fromkeys(runs))  # a repeated cell is one run
        self.launch, self.retries, self.display = launch, retries, display
        self.pending = deque(run for run in self.runs if not self.has_record(run))
        self.running: dict[PlannedRun, Attempt] = {}
        self.attempts: Counter[PlannedRun] = Counter()  # failed ones
        self.summary = Summary(recorded=len(self.runs) - len(self.pending))

    def open(self) -> None:
        """Raises UnwritableError before anything starts."""
        check_writable(self.launch.study_folder)
        configs = [run.config for run in self.runs]
        self.display.begin(configs, self.summary.recorded)

    def close(self) -> Summary:
        """Runs that have not ended are left to the next sweep."""
        ends = self.summary.recorded + self.summary.finished + len(self.summary.failed)
        self.summary.waiting = len(self.runs) - ends
        return self.summary

    def has_record(self, run: PlannedRun) -> bool:
        return self.launch.folder(run).has_record()

    def next_pending(self) -> PlannedRun | None:
        """Take the next run that still has no record."""
        while self.pending:
            run = self.pending.popleft()
            if not self.has_record(run):
                return run
            self.finish_elsewhere(run)
        return None

    def begin(self, run: PlannedRun) -> None:
        """Must be called before the attempt can record a failure."""
        self.running[run] = Attempt(self.launch.folder(run))

    def finish(self, run: PlannedRun, miou: float | None = None) -> None:
        del self.running[run]
        self.summary.finished += 1
        result = "finished" if miou is None else f"mIoU {100 * miou:.1f} %"
        self.display.ended(run.config, f"[green]{result}[/]")

    def finish_elsewhere(self, run: PlannedRun) -> None:
        """Another process has written the record."""
        self.running.pop(run, None)
        self.summary.recorded += 1
        self.display.ended(run.config, "finished by another process", timed=False)

    def put_back(self, run: PlannedRun) -> None:
        """The attempt was stopped or never began, so it does not count."""
        del self.running[run]
        self.pending.appendleft(run)
        self.display.postponed(run.config)

    def fail(self, run: PlannedRun, reason: str, retry: bool) -> None:
        """End an attempt; the run is retried if that is allowed and retries are left."""
        del self.running[run]
        self.attempts[run] += 1
        again = retry and self.attempts[run] <= self.retries
        if again:
            self.summary.repeated += 1
            self.pending.append(run)
            self.display.postponed(run.config)
        else:
            self.summary.failed[run.config.run_id] = reason
        self.display.failed(run.config, reason, again)
