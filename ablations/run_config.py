"""RunConfig: everything that decides the result of one run."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ablations.errors import InputError, quoted, unknown_name
from ablations.notation import file_name, parse_part, split_outside
from ablations.protocols import with_protocol
from ablations.sources import check_source, source_of
from ablations.spelling import one_spelling
from ablations.wrappers import IDENTITY, started
from ablations.yaml_file import number_hint

# Keys that name a part with options, and so have one spelling.
PARTS = ("block", "placement", "model", "encoder", "dataset", "augmentation", "loss")
DERIVED = {"source"}  # keys that are filled in, not set by a user
SMOOTHED = "cross_entropy"  # the loss of label_smoothing
MANY = 10**9
NULLS = {"", "none", "null", "~"}  # texts that mean null
Freeze = Literal["none", "encoder_bn", "encoder"]
READABLE = 100  # characters of a run's name before its seed


class RunConfig(BaseModel):
    """Everything that decides the result of one training run.

    The same fields are the flags of `ablate train`, the keys of a sweep file,
    the W&B configuration and the columns of a record.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    protocol: str | None = Field(
        None,
        description="published recipe that fills in the keys that are not given, see "
        "`ablate list protocols`",
    )
    block: str = Field(
        "none", description="attention block: a key, or my_file:MyBlock, see `ablate list`"
    )
    placement: str = Field(
        "residual",
        description="where blocks go in the model, such as residual@3-4, "
        "see `ablate list placements`",
    )
    init: Literal["plain", "identity"] = Field(
        "plain",
        description="how blocks start: as built, or behind a zero gate, so that the "
        "network begins as the one without them",
    )
    evaluation: Literal["direct", "fast"] = Field(
        "fast", description="how blocks are computed: as published, or faster"
    )
    model: str = Field(
        "deeplabv3plus", description="smp architecture, see `ablate list models`"
    )
    encoder: str = Field("resnet18", description="smp encoder, see `ablate list encoders`")
    encoder_weights: str | None = Field(
        None,
        description="pretrained encoder weights, by smp's name, or file:PATH; none: random "
        "weights",
    )
    dataset: str = Field("digits", description="data set, see `ablate list datasets`")
    image_size: int = Field(
        64, ge=16, le=16384, description="side of the square crop, in pixels"
    )
    train_images: int | None = Field(
        None, ge=1, le=MANY, description="train on only the first X images; none: all"
    )
    val_images: int | None = Field(
        None, ge=1, le=MANY, description="validate on only the first X images; none: all"
    )
    score_on: Literal["val", "test"] = Field(
        "val",
        description="split whose scores the record states; of test, always all images",
    )
    augment: bool = Field(True, description="random augmentation of training images")
    augmentation: str = Field(
        "dataset",
        description="how training images are augmented, see `ablate list augmentations`",
    )
    inference: Literal["dataset", "center_crop", "whole", "slide"] = Field(
        "dataset",
        description="what is scored of an image: what the data set prepares, the middle, "
        "the whole image, or the whole in overlapping windows of image_size",
    )
    test_augmentation: Literal["none", "flip", "multi_scale"] = Field(
        "none",
        description="a second score, averaged over mirror images, or over mirror images "
        "in six sizes",
    )
    batch_size: int = Field(16, ge=2, le=65536, description="images per step, in all")
    max_steps: int = Field(400, ge=1, le=MANY, description="optimizer steps")
    accumulate: int = Field(
        1, ge=1, le=65536, description="parts in which the images of a step are computed"
    )
    loss: str = Field(
        "cross_entropy", description="loss, or a sum of losses, see `ablate list losses`"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of a label that is spread over all classes"
    )
    auxiliary_loss: float = Field(
        0.0,
        ge=0,
        le=100,
        description="weight of a second loss, on the encoder's last feature but one",
    )
    optimizer: Literal["sgd", "adamw"] = Field("adamw", description="optimizer")
    lr: float = Field(2e-3, gt=0, description="highest learning rate; poly decay")
    lr_floor: float = Field(0.0, ge=0, description="learning rate at the end of the decay")
    warmup_steps: int = Field(
        0, ge=0, le=MANY, description="steps in which the learning rate grows from 0"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of sgd")
    weight_decay: float = Field(1e-4, ge=0, description="weight decay")
    clip_gradient: float | None = Field(
        None, gt=0, description="largest norm of the gradient; none: any"
    )
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="decay of the moving average of weights that is scored; none: the "
        "weights themselves are",
    )
    freeze: Freeze = Field(
        "none", description="what is not trained; blocks inside the encoder always are"
    )
    encoder_lr_factor: float = Field(
        1.0,
        gt=0,
        le=100,
        description="learning rate of the encoder itself, divided by lr",
    )
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true", description="training precision, by Lightning's name"
    )
    channels_last: bool = Field(
        False, description="keep the channels of a pixel side by side in memory"
    )
    compile: bool = Field(False, description="compile the network with torch.compile")
    validations: int = Field(
        4, ge=1, le=MANY, description="evenly spaced validations, the last at the end"
    )
    select: Literal["last", "best"] = Field(
        "last",
        description="which weights are scored: those of the last step, or of the "
        "validation with the highest mIoU",
    )
    seed: int = Field(
        0, ge=0, le=2**32 - 1, description="seed of weights, order and augmentation"
    )
    repeat: int = Field(
        0,
        ge=0,
        le=MANY,
        description="changes nothing but the run's id: the same run again, for the noise "
        "between equal seeds",
    )
    source: str = Field("", description="digest of a user's own block; filled in")

    @field_validator(*PARTS)
    @classmethod
    def in_one_spelling(cls, text: str, info: ValidationInfo) -> str:
        """Equal parts are equal texts; see ablations/spelling.py."""
        return one_spelling(str(info.field_name), text)

    @field_validator("block")
    @classmethod
    def states_no_start(cls, block: str) -> str:
        part = parse_part(block)
        if part.name == IDENTITY:
            advice = f"block: {part.inner or 'se'} and init: {IDENTITY}"
            raise ValueError(f"the start of a block is a key of its own: write {advice}")
        return block

    @field_validator("init")
    @classmethod
    def starts_a_block(cls, init: str, info: ValidationInfo) -> str:
        """The baseline has one configuration, whatever starts are compared with it."""
        if init != "plain" and info.data.get("block") == "none":
            raise ValueError(
                "block none has no start; in a grid, list the baseline as a cell of its own"
            )
        return init

    @field_validator("encoder_weights")
    @classmethod
    def names_weights(cls, name: str | None) -> str | None:
        if name is not None and name.lower() in NULLS:
            raise ValueError("this is a string; for random weights write null")
        return name

    @field_validator("accumulate")
    @classmethod
    def divides_the_batch(cls, parts: int, values: ValidationInfo) -> int:
        images = values.data.get("batch_size", parts)
        if parts > 1 and (images % parts or images // parts < 2):
            raise ValueError(
                f"batch_size = {images} cannot be divided into that many equal parts of at "
                "least two images, which batch norm needs"
            )
        return parts

    @field_validator("label_smoothing")
    @classmethod
    def smooths_labels(cls, share: float, values: ValidationInfo) -> float:
        loss = values.data.get("loss", SMOOTHED)
        names = {parse_part(term).name for term in split_outside(loss, "+")}
        if share and SMOOTHED not in names:
            raise ValueError(
                f"only {SMOOTHED} has it, but loss = {quoted(loss)}; write 0.0"
            )
        return share

    @field_validator("lr_floor")
    @classmethod
    def is_below_lr(cls, floor: float, values: ValidationInfo) -> float:
        if floor >= (lr := values.data.get("lr", MANY)):
            raise ValueError(f"it must be below lr = {lr}")
        return floor

    @field_validator("warmup_steps")
    @classmethod
    def leaves_steps(cls, steps: int, values: ValidationInfo) -> int:
        if steps >= (whole := values.data.get("max_steps", MANY + 1)):
            raise ValueError(f"it must be below max_steps = {whole}")
        return steps

    @field_validator("momentum")
    @classmethod
    def is_of_sgd(cls, momentum: float, values: ValidationInfo) -> float:
        usual = cls.model_fields["momentum"].default
        if momentum != usual and values.data.get("optimizer") == "adamw":
            raise ValueError(f"adamw does not use it; write {usual}, or optimizer: sgd")
        return momentum

    @field_validator("select")
    @classmethod
    def has_a_choice(cls, select: str, values: ValidationInfo) -> str:
        if select == "best" and values.data.get("validations") == 1:
            raise ValueError("validations = 1 leaves nothing to select from; write last")
        return select

    @field_validator("encoder_lr_factor")
    @classmethod
    def has_an_effect(cls, factor: float, values: ValidationInfo) -> float:
        if factor != 1 and values.data.get("freeze") == "encoder":
            raise ValueError("with freeze = 'encoder' there is nothing to train; write 1.0")
        return factor

    @classmethod
    def parse(cls, values: Mapping[str, Any], source: str = "configuration") -> Self:
        """Validate values; InputError names the key, the value and what is allowed."""
        try:
            values = flat(values)
            if values.get("source") == "":  # to be filled in
                del values["source"]
            for key in values:
                if key not in cls.model_fields:
                    raise unknown_name("key", key, cls.model_fields)
            config = cls(**values)
        except ValidationError as error:
            raise InputError(f"{source}: {first_problem(error)}") from None
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        if values.get("source") is not None:
            check_source(config.model_dump(), source)
        return config

    @model_validator(mode="before")
    @classmethod
    def with_protocol(cls, values: Any) -> Any:
        """Fill in what the protocol says about keys that are not given."""
        if not isinstance(values, dict) or values.get("protocol") is None:
            return values
        return with_protocol(values)

    @model_validator(mode="before")
    @classmethod
    def with_source(cls, values: Any) -> Any:
        """Fill in the source of a new configuration; a stored one states it."""
        if not isinstance(values, dict) or values.get("source") is not None:
            return values
        return values | {"source": source_of(values)}

    @property
    def placed_block(self) -> str:
        """The block as it is placed in the network: with its start."""
        return started(self.block, self.init)

    @property
    def run_id(self) -> str:
        """A readable name, unique per configuration and equal on every machine.

        It hashes what differs from the defaults: a new key whose default means the previous
        behaviour changes no id. For the same reason, a default must never change.
        """
        text = json.dumps(self.overrides(), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        readable = f"{self.block}-{self.placement}-{self.encoder}"
        return f"{file_name(readable)[:READABLE]}-s{self.seed}-{digest}"

    def overrides(self) -> dict[str, Any]:
        """What differs from the defaults, by key."""
        defaults = {key: field.default for key, field in type(self).model_fields.items()}
        values = self.model_dump().items()
        return {key: value for key, value in values if value != defaults[key]}

    def changed(self, **values: Any) -> Self:
        """A valid copy with other values; derived keys follow them."""
        return self.parse(self.without_derived().model_dump() | values)

    def without_derived(self) -> Self:
        """A copy without derived keys: only what a sweep file can set."""
        return self.model_copy(update=dict.fromkeys(DERIVED, ""))


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the keys in `cell`, with which a sweep file lists runs that are not a grid."""
    if "cell" not in values:
        return dict(values)
    outer = {key: value for key, value in values.items() if key != "cell"}
    inner = values["cell"]
    if not isinstance(inner, Mapping):
        raise InputError(f"cell = {quoted(inner)} is not a mapping of run keys")
    if "cell" in inner:
        raise InputError("cell: a cell holds run keys, not another cell")
    for key in inner:
        if key in outer:
            raise InputError(f"cell: {quoted(key)} is also given outside cell")
    return {**outer, **inner}


def first_problem(error: ValidationError) -> str:
    """One line for a user: key, value, and what is allowed."""
    problem = error.errors()[0]
    key, value = ".".join(str(part) for part in problem["loc"]), problem["input"]
    message = problem["msg"].removeprefix("Value error, ")
    return f"{key} = {quoted(value)}: {message}{hint(problem['type'], value)}"


def hint(kind: str, value: object) -> str:
    """How to write a value that YAML reads as another type."""
    if kind == "string_type":
        return "; put it in quotes if YAML does not read it as text"
    if isinstance(value, str) and value.lower() in NULLS and kind in NUMBERS:
        return "; to set no number, write null"
    return number_hint(value) if kind in NUMBERS else ""


NUMBERS = {"int_type", "float_type"}  # pydantic's names of these errors
