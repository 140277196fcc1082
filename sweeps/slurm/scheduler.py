"""Submits jobs to a scheduler, and reads their states: Slurm, with submitit and squeue.

Accounting (sacct) is not needed. submitit's local executor stands in for Slurm in tests.
"""

import itertools
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError

from ablations.errors import InputError
from sweeps.local.command import variables
from sweeps.local.one_run import Message
from sweeps.slurm.allocation import Allocation
from sweeps.slurm.run_job import Job

ARRAY_SIZE = 1000  # Slurm's default limit is one more
REQUEUES = 1000  # after a time limit; submitit's default is 3
PYTHON = f"{shlex.quote(sys.executable)} -P"  # files in the working folder shadow no module
ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL",
    "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT",
}  # fmt: skip

Submitted = submitit.Job[Message]


def executor_of(allocation: Allocation, study_folder: Path) -> submitit.AutoExecutor:
    """Raises InputError if this machine has no scheduler."""
    try:
        executor = submitit.AutoExecutor(
            folder=study_folder / "jobs",
            cluster=allocation.cluster,
            slurm_max_num_timeout=REQUEUES,
            slurm_python=PYTHON,
        )
    except RuntimeError as error:
        raise InputError(f"--executor {allocation.cluster}: {error}") from None
    parameters: dict[str, Any] = {
        "timeout_min": allocation.minutes,
        "gpus_per_node": allocation.gpus_per_run,
        "cpus_per_task": allocation.cpus_per_run,
        "slurm_array_parallelism": allocation.jobs,
        "name": study_folder.name,
        "slurm_additional_parameters": dict(allocation.sbatch),
    }
    if allocation.partition:
        parameters["slurm_partition"] = allocation.partition
    executor.update_parameters(**parameters)
    return executor


def submit(jobs: list[Job], study_folder: Path, allocation: Allocation) -> list[Submitted]:
    """Submit arrays of jobs in order; InputError with sbatch's message if it refuses."""
    executor = executor_of(allocation, study_folder)
    submitted: list[Submitted] = []
    # the local executor's controllers are not started by slurm_python
    safe = {"PYTHONSAFEPATH": "1"} if allocation.cluster == "local" else {}
    try:
        for start in range(0, len(jobs), ARRAY_SIZE):
            with variables(safe), executor.batch():
                part = itertools.islice(jobs, start, start + ARRAY_SIZE)
                array = [executor.submit(job) for job in part]
            submitted += array
    except FailedJobError as error:
        raise InputError(f"sbatch: {error}") from None
    return submitted


def states(jobs: list[Submitted]) -> dict[str, str] | None:
    """States by job id, without jobs that ended long ago. None if Slurm does not answer."""
    if not isinstance(jobs[0], submitit.SlurmJob):
        return {job.job_id: "COMPLETED" if job.done() else "RUNNING" for job in jobs}
    command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T"]
    try:
        result = subprocess.run(  # noqa: S603, a fixed command
            [*command, f"--user={os.getuid()}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return dict(line.split() for line in result.stdout.splitlines())


def cancel(jobs: list[Submitted], waiting_only: bool) -> None:
    """Cancel jobs; training that is stopped saves a checkpoint."""
    if jobs and isinstance(jobs[0], submitit.SlurmJob):
        which = ["--state=PENDING"] if waiting_only else []
        command = ["scancel", *which, *(job.job_id for job in jobs)]
        subprocess.run(command, check=False)  # noqa: S603
    elif not waiting_only:  # no job waits with the local executor
        for job in jobs:
            job.cancel()
