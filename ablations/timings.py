"""What a study's networks cost in time and memory on one device: runs/<study>/bench-*.json.

A run's own seconds are no such measurement: other programs may have used the machine.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ablations.documents import Count, Document, Seconds, Text, rejection
from ablations.errors import InputError
from ablations.records import as_stated
from ablations.run_config import RunConfig

UNTIMED = (  # keys that decide neither the network nor the work of a step
    "protocol", "encoder_weights", "dataset", "train_images", "val_images", "score_on",
    "augment", "augmentation", "inference", "test_augmentation", "max_steps", "accumulate",
    "loss", "label_smoothing", "auxiliary_loss", "optimizer", "lr", "lr_floor",
    "warmup_steps", "momentum", "encoder_lr_factor", "weight_decay", "clip_gradient", "ema",
    "validations", "select", "seed", "repeat",
)  # fmt: skip
OF_BLOCKS = ("placement", "init", "evaluation")  # keys that the baseline does not use
READABLE = 60  # characters of a device in the name of a file


class TimedNetwork(NamedTuple):
    """A network and the work of its training step; other keys of config are at defaults."""

    config: RunConfig
    classes: int

    @property
    def baseline(self) -> "TimedNetwork":
        """The same network without blocks."""
        bare = self.config.model_copy(update={"block": "none"})
        return timed_network(bare, self.classes)


def timed_network(config: RunConfig, classes: int) -> TimedNetwork:
    """What is timed for a run: runs that differ in data, schedule or seed share it."""
    keys = UNTIMED + (OF_BLOCKS if config.block == "none" else ())
    usual = {key: RunConfig.model_fields[key].default for key in keys}
    sources = config.source.split(",") if config.block != "none" else []
    data = ("dataset=", "encoder_weights=")
    source = ",".join(part for part in sources if not part.startswith(data))
    return TimedNetwork(config.model_copy(update=usual | {"source": source}), classes)


class Spread(BaseModel):
    """Seconds per call: the median and the quartiles of the rounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lower: Seconds
    median: Seconds
    upper: Seconds

    @model_validator(mode="after")
    def is_ordered(self) -> Self:
        if not self.lower <= self.median <= self.upper:
            raise ValueError("the median is not between the quartiles")
        return self


class NetworkTiming(BaseModel):
    """The figures of one network; one that could not be measured is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: Annotated[RunConfig, BeforeValidator(as_stated)]
    classes: Count
    latency: Spread | None  # one image, in eval mode
    batch: Spread | None  # config.batch_size images, in eval mode
    step: Spread | None  # of training: loss and gradients for config.batch_size images
    peak: Count | None  # bytes during a step, beyond weights and images
    problem: str = ""  # why a figure is None: one line

    @property
    def network(self) -> TimedNetwork:
        return TimedNetwork(self.config, self.classes)

    @model_validator(mode="after")
    def is_complete(self) -> Self:
        if None in (self.latency, self.batch, self.step, self.peak) and not self.problem:
            raise ValueError("a figure is missing without a problem that says why")
        return self


class StudyTimings(Document):
    """The figures of a study's networks, measured in turn by one process on one device."""

    device: Text  # its name
    threads: Annotated[Count, Field(ge=1)]  # of the CPU
    rounds: Annotated[Count, Field(ge=1)]  # timings behind each median
    versions: dict[str, str]
    commit: str
    networks: tuple[NetworkTiming, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def has_no_network_twice(self) -> Self:
        if len({timing.network for timing in self.networks}) < len(self.networks):
            raise ValueError("a network is listed twice")
        return self

    @property
    def file_name(self) -> str:
        """A readable name, unique per device and number of threads."""
        place = f"{self.device}, {self.threads} threads"
        readable = re.sub(r"[^A-Za-z0-9]+", "_", self.device).strip("_")[:READABLE]
        digest = hashlib.sha256(place.encode()).hexdigest()[:6]
        return f"bench-{readable}-{self.threads}-{digest}.json"


def save_timings(timings: StudyTimings, study_folder: Path) -> Path:
    """Write or replace the file of this device and number of threads; return its path."""
    path = study_folder / timings.file_name
    timings.write(path)
    return path


def read_timings(folder: Path) -> Iterator[StudyTimings | InputError]:
    """Every file of timings below folder, or what is wrong with it; ordered by path."""
    for path in sorted(folder.rglob("bench-*.json")):
        try:
            yield read_own(path)
        except InputError as error:
            yield error


def read_own(path: Path) -> StudyTimings:
    """Read and check a file; InputError also if its name is that of another device."""
    timings = StudyTimings.read(path)
    if path.name != timings.file_name:
        raise rejection(path, f"belongs to {timings.file_name}")
    return timings
