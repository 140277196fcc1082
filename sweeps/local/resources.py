"""What a sweep uses of this machine; the fields are flags of `ablate sweep`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ablations.errors import InputError
from ablations.option_types import Reading, count, gpu_names, positive
from lightning_modules.execution import Accelerator

# flags of every executor
Jobs = Annotated[int, Reading(positive), Field(description="runs at a time")]
Retries = Annotated[
    int, Reading(count, "N"), Field(description="further attempts at a failed run")
]


class Resources(BaseModel):
    """Concurrency, devices, retries and timeout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jobs: Jobs = 1
    gpus: Annotated[tuple[str, ...], Reading(gpu_names, "0,1")] = Field(
        (), description="GPU indices; one run at a time on each (or each set of --devices)"
    )
    runs_per_gpu: Annotated[int, Reading(positive, "N")] = Field(
        1, description="runs at a time on each GPU of --gpus"
    )
    retries: Retries = 0
    timeout: Annotated[float | None, Reading(positive, "SECONDS")] = Field(
        None, description="time limit of one attempt"
    )

    def accelerator(self, choice: Accelerator) -> Accelerator:
        """Naming GPUs selects the gpu accelerator; InputError for any other but auto."""
        if not self.gpus:
            return choice
        if choice not in {"auto", "gpu"}:
            raise InputError(f"--gpus has no effect with --accelerator {choice}")
        return "gpu"

    def environments(self, devices: int = 1) -> list[dict[str, str]]:
        """The environment variables of each worker, whose runs use so many devices."""
        if not self.gpus:
            return [{} for _ in range(self.jobs)]
        if len(self.gpus) % devices:
            names = ",".join(self.gpus)
            raise InputError(
                f"--gpus {names}: not divisible into sets of {devices} devices"
            )
        starts = range(0, len(self.gpus), devices)
        places = [",".join(self.gpus[start : start + devices]) for start in starts]
        return [{"CUDA_VISIBLE_DEVICES": gpus} for gpus in places * self.runs_per_gpu]


def check_gpus(names: tuple[str, ...]) -> None:
    """Raises InputError for an index that is not a GPU of this machine."""
    import torch

    count = torch.cuda.device_count()
    for name in names:
        if count == 0 or (name.isdigit() and int(name) >= count):
            raise InputError(f"--gpus {name}: not a GPU of this machine, which has {count}")
