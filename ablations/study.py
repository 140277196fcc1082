"""What is run: one configuration per run, one sweep file per study."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ablations.errors import InputError, unknown_name

SWEEP_KEYS = {
    "name", "description", "project", "entity", "program", "command",
    "method", "metric", "parameters", "run_cap",
}  # fmt: skip


class RunConfig(BaseModel):
    """Everything that decides the result of one training run.

    The fields are at once the flags of `ablate train`, the keys of a sweep file,
    the W&B configuration and the columns of a record.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    block: str = Field("none", description="attention block: a key, or my_file:MyBlock")
    placement: str = Field("residual", description="where blocks go in the model")
    evaluation: Literal["direct", "fast"] = Field(
        "direct", description="how blocks are computed: as published, or faster"
    )
    model: str = Field("deeplabv3plus", description="smp architecture")
    encoder: str = Field("resnet18", description="smp encoder")
    encoder_weights: str | None = Field(
        None, description="pretrained encoder weights by smp's name; none: random"
    )
    dataset: str = Field("digits", description="data set")
    image_size: int = Field(64, ge=16, description="side of the square crop, in pixels")
    train_images: int | None = Field(
        None, ge=1, description="train on the first so many images; none: all"
    )
    val_images: int | None = Field(
        None, ge=1, description="validate on the first so many images; none: all"
    )
    augment: bool = Field(True, description="random augmentation of training images")
    batch_size: int = Field(16, ge=2, description="images per step")
    max_steps: int = Field(400, ge=1, description="optimizer steps")
    optimizer: Literal["sgd", "adamw"] = Field("adamw", description="optimizer")
    lr: float = Field(2e-3, gt=0, description="initial learning rate; poly decay to 0")
    weight_decay: float = Field(1e-4, ge=0, description="weight decay")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true", description="Lightning's precision of the training"
    )
    seed: int = Field(0, ge=0, description="of weights, order and augmentation")

    @classmethod
    def parse(cls, values: Mapping[str, Any], source: str = "configuration") -> Self:
        """Validate values; InputError names the key, the value and what is allowed."""
        for key in values:
            if key not in cls.model_fields:
                raise InputError(f"{source}: {unknown_name('key', key, cls.model_fields)}")
        try:
            return cls(**values)
        except ValidationError as error:
            raise InputError(f"{source}: {first_problem(error)}") from None

    @property
    def run_id(self) -> str:
        """A readable name, unique per configuration and equal on every machine."""
        text = json.dumps(self.model_dump(), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        readable = f"{self.block}-{self.placement}-{self.encoder}-s{self.seed}"
        return re.sub(r"[^A-Za-z0-9_-]+", "_", readable) + f"-{digest}"


def first_problem(error: ValidationError) -> str:
    """One line for a user: key, value, and what is allowed."""
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"])
    return f"{key} = {problem['input']!r}: {problem['msg']}"


class Study(BaseModel):
    """A named grid of runs, read from a W&B sweep file."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: str
    parameters: dict[str, list[Any]]

    def runs(self) -> Iterator[RunConfig]:
        """Every cell, in the order of W&B's own engine: by name, the last one fastest."""
        names = sorted(self.parameters)
        for values in itertools.product(*(self.parameters[name] for name in names)):
            yield RunConfig.parse(dict(zip(names, values, strict=True)), self.name)


def load_study(path: Path) -> Study:
    """Read a W&B grid sweep. The study is named after its file.

    Raises InputError for a file that is not a sweep, unknown keys, wrong types or values.
    """
    sweep = read_yaml(path)
    if not isinstance(sweep, dict) or not isinstance(sweep.get("parameters"), dict):
        raise InputError(f"{path}: not a sweep file (a mapping with `parameters`)")
    for key in sweep:
        if key not in SWEEP_KEYS:
            raise InputError(f"{path}: {unknown_name('key', key, sorted(SWEEP_KEYS))}")
    if sweep.get("method") != "grid":
        raise InputError(f"{path}: method must be 'grid', not {sweep.get('method')!r}")
    parameters = {
        name: choices(path, name, spec) for name, spec in sweep["parameters"].items()
    }
    study = Study(name=path.stem, parameters=parameters)
    for config in study.runs():  # every cell is checked before the first one starts
        config.run_id  # noqa: B018
    return study


def choices(path: Path, name: str, spec: object) -> list[Any]:
    """The values of one parameter of a sweep file."""
    if isinstance(spec, dict) and set(spec) == {"value"}:
        return [spec["value"]]
    if isinstance(spec, dict) and set(spec) == {"values"}:
        values = spec["values"]
        if isinstance(values, list) and values:
            return values
    raise InputError(
        f"{path}: parameter {name!r} needs `value: X` or `values: [X, ...]`, not {spec!r}"
    )


def read_yaml(path: Path) -> object:
    """The content of a YAML or JSON file, loaded safely."""
    try:
        return yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML ({error})") from None
