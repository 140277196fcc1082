"""How a run is carried out; the fields are flags, like those of RunConfig."""

import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ablations.model_options import add_flags
from ablations.option_types import Reading, amount, count, positive
from ablations.options import runs_option

Accelerator = Literal["auto", "cpu", "gpu", "mps"]
WandbMode = Literal["disabled", "offline", "online"]
KeepWeights = Literal["last", "best", "none"]
CELL = "WANDB_SWEEP_PARAM_PATH"  # the file with the cell of a process, within a sweep


class Execution(BaseModel):
    """How a run is carried out. Nothing here changes its result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accelerator: Accelerator = Field("auto", description="device to train on")
    devices: Annotated[int, Reading(positive)] = Field(
        1, description="devices of each machine that train one run together"
    )
    machines: Annotated[int, Reading(positive)] = Field(
        1, description="machines that train one run together"
    )
    workers: Annotated[int | None, Reading(count)] = Field(
        None,
        description="processes that load data (default: as many as loading needs and "
        "cores are free)",
    )
    cache: Annotated[float, Reading(amount)] = Field(
        1.0, description="memory for decoded images, in GB"
    )
    deterministic: bool = Field(
        True,
        description="use algorithms that give the same result again, where torch has them; "
        "on a GPU they can take three times as long",
    )
    val_every: Annotated[int | None, Reading(positive)] = Field(
        None, description="steps between validations (default: as the key validations says)"
    )
    keep_weights: KeepWeights | None = Field(
        None,
        description="network that is kept in the run's folder (default: best for `ablate "
        "train`, none in a sweep)",
    )
    wandb: WandbMode = Field(
        "disabled",
        description="mirror runs to Weights & Biases (default: disabled, online under an "
        "agent)",
    )
    data_folder: Annotated[Path | None, Reading(Path)] = Field(
        None, description="folder with downloaded data sets (default: $ABLATE_DATA)"
    )
    checkpoint_every: float = 60.0  # seconds
    progress_bar: bool = True  # in a terminal; elsewhere a few lines


USUAL = Execution()


def execution_options(parser: Any) -> None:
    group = parser.add_argument_group("execution (does not change the result)")
    runs_option(group)
    add_flags(group, Execution)


def with_defaults(
    args: Namespace, defaults: Mapping[str, Any] = MappingProxyType({})
) -> Namespace:
    """Precedence: command line, then defaults, then the environment."""
    return Namespace(**(environment() | dict(defaults) | vars(args)))


def agent() -> bool:
    """Whether W&B's server assigned this run; its agent sets the variable."""
    return "WANDB_SWEEP_ID" in os.environ


def in_sweep() -> bool:
    """Whether a sweep started this process."""
    return agent() or CELL in os.environ


def environment() -> dict[str, Any]:
    """What environment variables set."""
    values: dict[str, Any] = {"runs": Path(os.environ.get("ABLATE_RUNS", "runs"))}
    if agent():
        values["wandb"] = "online"
    if data := os.environ.get("ABLATE_DATA"):
        values["data_folder"] = Path(data)
    return values
