"""One attempt at a run: why it failed, if it did."""

from ablations.records import FailureKind
from ablations.run_folder import RunFolder


class Attempt:
    """Failures that are recorded in the run's folder after its start are its own."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.earlier_failures = len(folder.failures())

    def failure(self) -> str | None:
        """The reason recorded by the attempt, if it has failed."""
        reasons = self.folder.failures()
        return reasons[-1] if len(reasons) > self.earlier_failures else None

    def note_failure(self, kind: FailureKind, reason: str, log: str) -> str:
        """Record a failure unless the attempt recorded one; return the recorded reason."""
        own_reason = self.failure()
        if own_reason is None:
            self.folder.note_failure(kind, reason, log)
        return reason if own_reason is None else own_reason
