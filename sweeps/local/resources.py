"""What a sweep uses of this machine; the fields are flags of `ablate sweep`."""

import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ablations.errors import InputError, writing
from ablations.option_types import Reading, count, gpu_names, positive
from lightning_modules.execution import Accelerator

# what every executor takes
Jobs = Annotated[int, Reading(positive), Field(description="runs at a time")]
Retries = Annotated[
    int, Reading(count, "N"), Field(description="further attempts at a failed run")
]


class Resources(BaseModel):
    """How many runs at a time, on which devices, how often and how long each is tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jobs: Jobs = 1
    gpus: Annotated[tuple[str, ...], Reading(gpu_names, "0,1")] = Field(
        (), description="indices of GPUs; one run at a time on each"
    )
    runs_per_gpu: Annotated[int, Reading(positive, "N")] = Field(
        1, description="runs at a time on each GPU of --gpus"
    )
    retries: Retries = 0
    timeout: Annotated[float | None, Reading(positive, "SECONDS")] = Field(
        None, description="time limit of one attempt"
    )

    def accelerator(self, wanted: Accelerator) -> Accelerator:
        """Naming GPUs selects the gpu accelerator; InputError if another one is wanted."""
        if not self.gpus:
            return wanted
        if wanted not in {"auto", "gpu"}:
            raise InputError(f"--gpus does nothing with --accelerator {wanted}")
        return "gpu"

    def environments(self) -> list[dict[str, str]]:
        """What is set for each worker."""
        if not self.gpus:
            return [{} for _ in range(self.jobs)]
        places = self.gpus * self.runs_per_gpu
        return [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in places]


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
