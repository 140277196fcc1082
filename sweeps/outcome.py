"""How a sweep ended."""

from dataclasses import dataclass, field


@dataclass
class Summary:
    """The runs of a sweep by outcome."""

    recorded: int  # before this call, or by another process during it
    finished: int = 0  # in this call
    failed: dict[str, str] = field(default_factory=dict)  # reason by run id
    repeated: int = 0  # further attempts at failed runs
    waiting: int = 0  # not begun or not finished, because of an interrupt

    @property
    def complete(self) -> bool:
        return not (self.failed or self.waiting)

    def lines(self, study_name: str) -> list[str]:
        """The lines printed at the end of the sweep."""
        counts = (
            f"{self.finished} finished, {self.recorded} had a record, "
            f"{len(self.failed)} failed, {self.waiting} waiting"
        )
        again = f"; {self.repeated} further attempts" if self.repeated else ""
        failures = [f"failed: {run_id}: {why}" for run_id, why in self.failed.items()]
        return [f"{study_name}: {counts}{again}", *failures]
