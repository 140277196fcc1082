"""A study's report as the files of a W&B run, in the same group as the study's runs."""

import os
from pathlib import Path
from typing import Any, Literal

import wandb

from ablations.errors import InputError
from lightning_modules.wandb_mirror import PROJECT

KINDS = {".md", ".csv", ".tex", ".svg", ".png"}


def publish(
    report: Path,
    study_name: str,
    mode: Literal["offline", "online"],
    project: str | None = None,
    entity: str | None = None,
) -> str:
    """Upload the files of a report folder; returns where they are.

    The run is called STUDY-report and is in the study's group; publishing again replaces
    the files. Offline, they are kept for `wandb sync`. Raises InputError if W&B refuses.
    """
    try:
        run: Any = wandb.init(
            id=f"{study_name}-report",
            name=f"{study_name}-report",
            job_type="report",
            group=study_name,
            project=project or os.environ.get("WANDB_PROJECT", PROJECT),
            entity=entity,
            dir=report,
            mode=mode,
            resume="allow" if mode == "online" else None,
        )
    except wandb.errors.Error as error:
        raise InputError(f"--wandb {mode}: {error}") from None
    with run:
        for file in sorted(report.iterdir()):
            if file.suffix in KINDS:
                run.save(file, base_path=report, policy="now")
    return str(run.url or run.sync_dir)
