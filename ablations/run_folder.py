"""The folder of a run, and its files by name.

runs/<study>/<run_id>/record.json    finished: the done-marker of the run
runs/<study>/<run_id>/failure.json   failed, with the reason; removed by a later success
runs/<study>/<run_id>/last.ckpt      interrupted: where the run resumes
runs/<study>/<run_id>/images.npz     the counts of every scored image, as the record states
runs/<study>/<run_id>/weights.safetensors    the trained network, if it is kept
runs/<study>/<run_id>/evaluation-*.json      what the kept network scored later
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ablations.documents import REMEDY, read_json
from ablations.errors import InputError
from ablations.records import Failure, FailureKind, RunRecord, states
from ablations.run_config import RunConfig
from ablations.whole_file import remove_partials

RECORD, FAILURE = "record.json", "failure.json"
WEIGHTS = "weights.safetensors"

Source = tuple[Path, RunRecord]  # a record and its file
Copy = tuple[str, Path, Path]  # run id, the file that counts, its copy


@dataclass(frozen=True)
class RunFolder:
    """The folder in which a study keeps a run, and its files."""

    study_folder: Path
    config: RunConfig

    @cached_property
    def path(self) -> Path:
        return self.study_folder / self.config.run_id

    @property
    def record(self) -> Path:
        return self.path / RECORD

    @property
    def failure(self) -> Path:
        return self.path / FAILURE

    @property
    def checkpoint(self) -> Path:
        return self.path / "last.ckpt"

    @property
    def best(self) -> Path:
        """The training state of the best validation so far, while a run needs it."""
        return self.path / "best.ckpt"

    @property
    def images(self) -> Path:
        """The counts of every scored image."""
        return self.path / "images.npz"

    @property
    def weights(self) -> Path:
        """The trained network."""
        return self.path / WEIGHTS

    @property
    def log(self) -> Path:
        """What the processes of the run printed."""
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        """Held by the process that trains."""
        return self.path / "lock"

    @property
    def command_lock(self) -> Path:
        """Held by the process that waits for a sweep's command."""
        return self.path / "command.lock"

    @property
    def cell(self) -> Path:
        """What the sweep sets, as W&B's agent writes it."""
        return self.path / "cell.yaml"

    @property
    def cell_json(self) -> Path:
        """The same for a command with ${args_json_file}."""
        return self.path / "cell.json"

    @property
    def cost(self) -> Path:
        """The cost of each block, for W&B."""
        return self.path / "cost.csv"

    @property
    def job(self) -> Path:
        """The id of the cluster's job."""
        return self.path / "job"

    def find_record(self) -> RunRecord | None:
        """The run's record, if it has one; InputError for one that is not the run's own."""
        if not self.record.exists():
            return None
        return RunRecord.read_of(self.record, self.config)

    def has_record(self) -> bool:
        """Whether the run's own record exists; its values are checked when it is read."""
        if not self.record.exists():
            return False
        if not states(read_json(self.record), self.config):
            # an InputError, unless it is the run's after all
            RunRecord.read_of(self.record, self.config)
        return True

    def failures(self) -> tuple[str, ...]:
        """Why the attempts so far failed.

        An unreadable file counts as one failure: it must not stop a run that may succeed.
        """
        if not self.failure.exists():
            return ()
        try:
            return Failure.read_of(self.failure, self.config).reasons
        except InputError as error:
            problem = str(error).removeprefix(f"{self.failure}: ")
            problem = problem.removesuffix(f"; {REMEDY}")
            return (f"earlier failures cannot be read: {problem}",)

    def note_failure(self, kind: FailureKind, reason: str, log: str = "") -> None:
        """Write one more failure, which keeps the reasons of earlier ones."""
        failure = Failure(
            config=self.config,
            kind=kind,
            reason=reason,
            log=log,
            earlier=self.failures(),
        )
        failure.write(self.failure)

    def finish(self, record: RunRecord) -> None:
        """Write the record, and remove what is no longer needed."""
        record.write(self.record)
        self.failure.unlink(missing_ok=True)
        for state in (self.checkpoint, self.best):
            state.unlink(missing_ok=True)
            remove_partials(state)
        remove_partials(self.images)


def read_records(folder: Path) -> Iterator[RunRecord]:
    """Every run below folder, ordered by path; equal copies of a record count once.

    Raises InputError if a run has two results.
    """
    records, _ = distinct(recorded(folder))
    yield from records.values()


def recorded(folder: Path) -> Iterator[Source]:
    """Every record below folder with its file, ordered by path; a run may occur twice."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of runs")
    for path in sorted(folder.rglob(RECORD)):
        yield path, RunRecord.read_own(path)


def distinct(found: Iterable[Source]) -> tuple[dict[str, RunRecord], list[Copy]]:
    """Each run once, by its id, and its copies; InputError for two different results."""
    seen: dict[str, Source] = {}
    copies: list[Copy] = []
    for path, record in found:
        run_id = record.config.run_id
        before = seen.setdefault(run_id, (path, record))
        if before[1] is not record:
            check_same_result(before, (path, record))
            copies.append((run_id, before[0], path))
    return {run_id: record for run_id, (_, record) in seen.items()}, copies


def check_same_result(one: Source, other: Source) -> None:
    """Raises InputError if two records of one run state different results."""
    if one[1].result != other[1].result:
        raise InputError(
            f"{one[0]} and {other[0]} are the same run with different results; remove one "
            "of them, or compare their folders with `ablate compare`"
        )


def read_failures(folder: Path) -> Iterator[Failure]:
    """Every failure below folder whose run has no record."""
    yield from map(Failure.read_own, failure_files(folder))


def failure_files(folder: Path) -> list[Path]:
    """The failures below folder whose run has no record, ordered by path."""
    paths = sorted(folder.rglob(FAILURE))
    return [path for path in paths if not path.with_name(RECORD).exists()]
