"""What each run asks of a scheduler; the fields are flags of `ablate sweep`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ablations.option_types import Reading, count, job_minutes, pair, positive
from lightning_modules.execution import Accelerator
from sweeps.local.resources import Jobs, Retries


class Allocation(BaseModel):
    """Slurm's share for one run, and how many of them at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster: Literal["slurm", "local"] = "slurm"  # local: submitit's stand-in
    jobs: Jobs = 256
    retries: Retries = 0
    partition: Annotated[str | None, Reading(str)] = Field(
        None, description="Slurm's partition (default: Slurm's own)"
    )
    gpus_per_run: Annotated[int, Reading(count, "N")] = Field(
        0, description="GPUs that each run gets"
    )
    cpus_per_run: Annotated[int, Reading(positive, "N")] = Field(
        1, description="CPU cores that each run gets"
    )
    minutes: Annotated[int, Reading(job_minutes, "N")] = Field(
        60, description="time limit of a job; a longer run is requeued and resumes"
    )
    sbatch: Annotated[
        tuple[tuple[str, str], ...], Reading(pair, "KEY=VALUE", repeatable=True)
    ] = Field(
        (),
        description="any other option of sbatch, repeatable: account=NAME, mem=16G",
    )

    def accelerator(self, wanted: Accelerator) -> Accelerator:
        """Asking for GPUs selects the gpu accelerator."""
        return "gpu" if self.gpus_per_run else wanted
