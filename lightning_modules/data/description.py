"""The description of a folder of images: a small YAML file beside them.

classes    a list of names, in the order of their values from 0, or a mapping from names to
           the values that masks hold: numbers, or colours as [r, g, b] or "#rrggbb"
void       values of pixels that count nowhere: one or a list; 255 unless a class has it
images     where an image lies, such as images/{name}.jpg; several patterns as a list
masks      the same of its mask
splits     {train: train.txt, val: val.txt, test: test.txt}: lists of names, or folders;
           {val: 0.2, test: 0.1, seed: 0}: shares; {folds: 5, fold: 0, seed: 0}: folds
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from ablations.errors import InputError, quoted, unknown_name
from ablations.yaml_file import read_yaml
from lightning_modules.data.data_source import SPLITS, VOID
from lightning_modules.data.file_patterns import SPLIT, Patterns, read_patterns
from lightning_modules.data.mask_values import Value, Values, read_classes, read_void
from lightning_modules.data.splitting import read_group

SUFFIXES = ("jpg", "jpeg", "png", "tif", "tiff", "bmp", "webp")
IMAGES = tuple(f"images/{{name}}.{suffix}" for suffix in SUFFIXES)
EXAMPLE = "{val: 0.2, test: 0.1, seed: 0} or {train: train.txt, val: val.txt}"

Seed = Annotated[int, Field(ge=0, lt=2**63)]
Group = Annotated[str | None, BeforeValidator(read_group)]


class Keys(BaseModel):
    """Known keys only; an unknown one is an error that suggests the nearest."""

    model_config = ConfigDict(frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def are_known(cls, values: Any) -> Any:
        for key in values if isinstance(values, dict) else ():
            if key not in cls.model_fields:
                raise unknown_name("key", key, cls.model_fields)
        return values


class Named(Keys):
    """Lists of names, or folders."""

    train: str
    val: str
    test: str | None = None


class Shares(Keys):
    """Shares of the images; what is left is for training."""

    val: float = Field(gt=0, lt=1)
    test: float = Field(0.0, ge=0, lt=1)
    seed: Seed = 0
    group: Group = None

    @model_validator(mode="after")
    def leave_some(self) -> Self:
        if self.val + self.test >= 1:
            raise ValueError("val and test leave nothing for training")
        return self


class Folds(Keys):
    """Equal parts, of which one is for validation and the others are for training."""

    folds: int = Field(ge=2, le=1000)
    fold: int = Field(0, ge=0)
    seed: Seed = 0
    group: Group = None

    @model_validator(mode="after")
    def number_a_fold(self) -> Self:
        if self.fold >= self.folds:
            raise ValueError(f"fold = {self.fold}: there are folds 0 to {self.folds - 1}")
        return self


def kind_of_splits(value: object) -> Literal["named", "shares", "folds"]:
    if isinstance(value, dict) and value.keys() & {"folds", "fold"}:
        return "folds"
    if not isinstance(value, dict):
        return "shares"
    texts = any(isinstance(value.get(name), str) for name in SPLITS)
    return "named" if texts or "train" in value else "shares"


class Description(Keys):
    """What a description says; see the head of this file."""

    classes: Annotated[dict[str, Value], BeforeValidator(read_classes)]
    void: Any = None  # as written; see values
    images: Annotated[Patterns, BeforeValidator(read_patterns)] = IMAGES
    masks: Annotated[Patterns, BeforeValidator(read_patterns)] = ("masks/{name}.png",)
    splits: Annotated[
        Annotated[Named, Tag("named")]
        | Annotated[Shares, Tag("shares")]
        | Annotated[Folds, Tag("folds")],
        Discriminator(kind_of_splits),
    ]

    @model_validator(mode="after")
    def agree(self) -> Self:
        """Raises ValueError if void is a class, or if a pattern needs folders."""
        self.values.check()
        if SPLIT in "".join(self.images + self.masks) and not isinstance(
            self.splits, Named
        ):
            raise ValueError(f"{SPLIT} in a pattern needs splits: {{train: FOLDER, ...}}")
        return self

    @property
    def values(self) -> Values:
        """What masks hold."""
        names, values = tuple(self.classes), tuple(self.classes.values())
        colours = not isinstance(values[0], int)
        if self.void is None:
            return Values(names, values, () if colours or VOID in values else (VOID,))
        try:
            return Values(names, values, read_void(self.void, colours))
        except ValueError as error:
            raise ValueError(f"void: {error}") from None


def read_description(path: Path) -> Description:
    """The description in a file; InputError names the file, the key and its value."""
    keys = read_yaml(path)
    if not isinstance(keys, dict):
        raise InputError(f"{path}: not a description, which is a mapping with classes")
    try:
        return Description.model_validate(keys)
    except ValidationError as error:
        raise InputError(f"{path}: {problem_of(error)}") from None


def problem_of(error: ValidationError) -> str:
    """The first problem: key, value and what is allowed."""
    problem = error.errors(include_url=False)[0]
    first, *others = problem["loc"] or ("",)
    inner = (
        others[1:] if first == "splits" else others
    )  # the next one is the kind of splits
    key = ".".join(str(part) for part in (first, *inner))
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "missing":
        example = f"; for example {EXAMPLE}" if key == "splits" else ""
        return f"{key} is missing{example}"
    if problem["type"] == "value_error" and key in ("", "splits"):
        return f"{key}: {message}".removeprefix(": ")
    return f"{key} = {quoted(problem['input'])}: {message}"
