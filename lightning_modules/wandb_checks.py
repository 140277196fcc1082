"""A run does what W&B shows of it, or it does not start."""

import os

from ablations.errors import InputError
from ablations.run_config import PARTS, RunConfig
from ablations.spelling import one_spelling
from lightning_modules.execution import WandbMode, agent


def check_mode(mode: WandbMode) -> None:
    """InputError for an agent's run that the server would not see."""
    if agent() and {mode, os.environ.get("WANDB_MODE")} & {"offline", "dryrun"}:
        raise InputError(
            "W&B's server assigns an agent's runs and would wait forever for one that is "
            "offline; `ablate sweep FILE --wandb offline` needs no server"
        )


def check_locked(effective: dict[str, object], config: RunConfig) -> None:
    """RuntimeError if W&B, which shows a sweep's values, shows others than the run's.

    The sweep may spell a part in another way.
    """
    for key, value in config.model_dump().items():
        shown = effective.get(key)
        if key in PARTS and isinstance(shown, str):
            shown = one_spelling(key, shown)
        if shown != value:
            raise RuntimeError(
                f"W&B has {key} = {effective.get(key)!r}, but the run would use {value!r}"
            )
