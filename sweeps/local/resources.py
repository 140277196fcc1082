"""With what a sweep is carried out, and how it ended."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ablations.errors import InputError, writing


@dataclass(frozen=True, kw_only=True)
class Crew:
    """How many runs at a time, on what, and with how much patience."""

    jobs: int = 1
    gpus: tuple[str, ...] = ()  # one run on each at a time
    runs_per_gpu: int = 1
    retries: int = 0  # further attempts at a failed run
    timeout: float | None = None  # seconds for one attempt

    def environments(self) -> list[dict[str, str]]:
        """What is set for each worker."""
        if not self.gpus:
            return [{} for _ in range(self.jobs)]
        places = self.gpus * self.runs_per_gpu
        return [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in places]


@dataclass
class Summary:
    """How a sweep ended."""

    recorded: int  # before this call, or meanwhile by another process
    finished: int = 0  # in this call
    failed: dict[str, str] = field(default_factory=dict)  # reason by run id
    repeated: int = 0  # further attempts at failed runs
    waiting: int = 0  # not begun or not finished, because of an interrupt

    @property
    def complete(self) -> bool:
        return not (self.failed or self.waiting)


def check_writable(folder: Path) -> None:
    """Raises UnwritableError before anything starts."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")


def check_gpus(names: tuple[str, ...]) -> None:
    """Raises InputError for a number that no GPU here has."""
    import torch

    there = torch.cuda.device_count()
    for name in names:
        if there == 0 or (name.isdigit() and int(name) >= there):
            raise InputError(f"--gpus {name}: there are {there} GPUs here")
