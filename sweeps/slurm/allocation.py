"""What each run requests from a scheduler; the fields are flags of `ablate sweep`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ablations.errors import InputError
from ablations.option_types import Reading, count, job_minutes, pair, positive
from lightning_modules.execution import Accelerator
from sweeps.local.resources import Jobs, Retries


class Allocation(BaseModel):
    """The resources of one job, and how many jobs run at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster: Literal["slurm", "local"] = "slurm"  # local: submitit's stand-in
    jobs: Jobs = 256
    retries: Retries = 0
    partition: Annotated[str | None, Reading(str)] = Field(
        None, description="Slurm partition (default: the cluster's default)"
    )
    gpus_per_run: Annotated[int, Reading(count, "N")] = Field(0, description="GPUs per run")
    cpus_per_run: Annotated[int, Reading(positive, "N")] = Field(
        1, description="CPU cores per run"
    )
    minutes: Annotated[int, Reading(job_minutes, "N")] = Field(
        60, description="time limit of a job; a longer run is requeued and resumes"
    )
    sbatch: Annotated[
        tuple[tuple[str, str], ...], Reading(pair, "KEY=VALUE", repeatable=True)
    ] = Field(
        (),
        description="any other option of sbatch, such as account=NAME; repeatable",
    )

    def check_devices(self, devices: int) -> None:
        """InputError if a job has fewer devices than its run trains on."""
        name, here = "--gpus-per-run", self.gpus_per_run
        if not here:
            name, here = "--cpus-per-run", self.cpus_per_run
        if devices > max(1, here):
            raise InputError(f"--devices {devices}: a job has only {name} {here}")

    def accelerator(self, choice: Accelerator) -> Accelerator:
        """Requesting GPUs selects the gpu accelerator."""
        return "gpu" if self.gpus_per_run else choice
