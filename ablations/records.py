"""What a run writes: a record of its result, or its failure."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from ablations.documents import (
    Count,
    Document,
    Number,
    Seconds,
    Text,
    has_this_format,
    rejection,
)
from ablations.errors import quoted
from ablations.run_config import RunConfig

FailureKind = Literal["out of memory", "non-finite loss", "time-out", "crash", "error"]
LOG_LINES, LOG_CHARACTERS = 40, 20_000  # of a failed run, at most
ROUNDING = 1e-4  # of a mean that was computed elsewhere
MOST_CLASSES = 64  # for which a record holds the counts of every pair: 4,096 of them

Share = Annotated[Number, Field(ge=0, le=1)]
Information = Annotated[Number, Field(ge=-1, le=1)]
Loss = Annotated[Number, Field(ge=0, lt=3.5e38)]  # cross-entropy in float32


def as_stated(config: Any) -> Any:
    """A source that a file does not state is not looked up: it may have changed."""
    return {"source": ""} | config if isinstance(config, dict) else config


class RunDocument(Document):
    """A document of one run."""

    config: RunConfig

    @field_validator("config", mode="before")
    @classmethod
    def config_as_stated(cls, config: Any) -> Any:
        return as_stated(config)

    @classmethod
    def read_own(cls, path: Path) -> Self:
        """Read and check a file that must be in the folder of its run."""
        document = cls.read(path)
        if path.parent.name != document.config.run_id:
            raise rejection(path, f"belongs to run {document.config.run_id}")
        return document

    @classmethod
    def read_of(cls, path: Path, config: RunConfig) -> Self:
        """The same for the file of one run; two configurations may have the same id."""
        document = cls.read_own(path)
        if document.config.overrides() != config.overrides():
            raise rejection(path, "belongs to another run with the same id")
        return document


def states(content: object, config: RunConfig) -> bool:
    """Whether content states this configuration; the values of a record are not checked."""
    if not isinstance(content, dict) or not has_this_format(content):
        return False
    return bool(content.get("config") == config.model_dump())


RANGES = {  # of the values of a curve's point
    "step": (0, 10**12),
    "train_loss": (0, 3.5e38),
    "val_miou": (0, 1),
    "val_information": (-1, 1),
}


def check_point(point: dict[str, float]) -> dict[str, float]:
    """A point of a curve: step, and train_loss or val_miou or both; see RANGES."""
    if not {"step"} < point.keys() <= RANGES.keys():
        raise ValueError(
            "a point has a step and a train_loss or val_miou, and no other key but "
            "val_information"
        )
    for key, value in point.items():
        least, most = RANGES[key]
        if not least <= value <= most:
            raise ValueError(f"{key} is not between {least:g} and {most:g}")
    if point["step"] % 1:
        raise ValueError("step is not a whole number")
    return point


Point = Annotated[dict[str, Number], AfterValidator(check_point)]


Confusion = tuple[tuple[Count, ...], ...]


def iou_of(confusion: Confusion) -> list[float | None]:
    """Of each class; None for one neither labelled nor predicted."""
    columns = zip(*confusion, strict=True)
    unions = [
        sum(row) + sum(column) - row[number]
        for number, (row, column) in enumerate(zip(confusion, columns, strict=True))
    ]
    return [
        confusion[number][number] / union if union else None
        for number, union in enumerate(unions)
    ]


# Fields of a record that differ between two equal runs.
TIMES = ("train_seconds", "compute_seconds", "data_seconds", "validation_seconds")
RESULT = (  # the keys of a record that hold what was scored
    "miou", "iou", "confusion", "information", "miou_augmented", "step", "val_loss",
    "test_loss",
)  # fmt: skip


class Scores(RunDocument):
    """What the network of a run scored on one split."""

    miou: Share  # the mean of iou
    iou: dict[Text, Share | None] = Field(min_length=1)  # by class; None: occurred nowhere
    confusion: Confusion | None = None  # pixels: a row per class, a column per prediction
    information: Information | None = None  # of a probe: 2 x accuracy of the state - 1

    @model_validator(mode="after")
    def mean_is_of_iou(self) -> Self:
        present = [iou for iou in self.iou.values() if iou is not None]
        mean = sum(present) / max(1, len(present))
        if abs(self.miou - mean) > ROUNDING:
            raise ValueError(f"miou = {self.miou}: the mean of iou is {mean}")
        return self

    @model_validator(mode="after")
    def confusion_is_of_iou(self) -> Self:
        """The counts are as many as the classes, and their IoU is what iou says."""
        if self.confusion is None:
            return self
        sizes = {len(self.confusion), *map(len, self.confusion)}
        if sizes != {len(self.iou)}:
            raise ValueError(f"confusion is not {len(self.iou)} x {len(self.iou)} counts")
        counted = iou_of(self.confusion)
        for name, one, other in zip(self.iou, self.iou.values(), counted, strict=True):
            known = -1 if one is None else one, -1 if other is None else other
            if abs(known[0] - known[1]) > ROUNDING:
                stated = f"iou of {quoted(name)} = {one}"
                raise ValueError(f"{stated}: by confusion it is {other}")
        return self


class RunRecord(Scores):
    """The result of one finished run, with all it takes to compare or repeat it.

    The scores are those of the split that config.score_on names.
    """

    miou_augmented: Share | None = None  # with config.test_augmentation, unless it is none
    images: Text | None = None  # sha256 of images.npz, the counts of every scored image
    step: Annotated[Count, Field(gt=0)] | None = None  # of the scored weights; None: last
    val_loss: Loss  # of the validation split, whichever is scored
    test_loss: Loss | None = None  # if the test split is scored
    val_miou: Share | None = None  # of the same weights; None in older records, too
    curve: list[Point]  # of the training, with validations
    params: Count
    macs: Count | None  # multiply-adds for one image of image_size, as run
    macs_direct: Count | None  # the same with blocks computed as published
    not_counted: str = ""  # why macs are None: the operators without a count
    train_seconds: Seconds  # wall clock over all sessions, without validation
    compute_seconds: Seconds | None = None  # the same of a CPU core, or of a GPU
    data_seconds: Seconds | None = None  # wall clock in which training waited for images
    validation_seconds: Seconds | None = None  # wall clock of all validations
    devices: Annotated[Count, Field(gt=0)] = 1  # that trained together
    device: str
    versions: dict[str, str]
    commit: str
    data: str  # fingerprint of the data set
    failures: tuple[str, ...] = ()  # why earlier attempts failed, if any did
    notes: tuple[str, ...] = ()  # what else a reader must know, a sentence each

    @model_validator(mode="after")
    def test_is_scored(self) -> Self:
        if (self.test_loss is None) == (self.config.score_on == "test"):
            raise ValueError("a test_loss belongs to score_on = 'test', and to it alone")
        if self.val_miou is not None and self.config.score_on != "test":
            raise ValueError("a val_miou belongs to score_on = 'test' alone")
        return self

    @property
    def result(self) -> dict[str, Any]:
        """What was scored: equal, to the last bit, for equal runs."""
        return {name: getattr(self, name) for name in RESULT}

    def row(self) -> dict[str, Any]:
        """The record as one flat table row."""
        fields = self.model_dump(
            exclude={
                "format", "config", "iou", "confusion", "curve", "versions", "failures",
                "notes",
            }
        )  # fmt: skip
        return self.config.model_dump() | fields | {"run_id": self.config.run_id}


class Failure(RunDocument):
    """Why a run has no record."""

    kind: FailureKind
    reason: str  # one line
    log: str  # the end of what the run printed, and the traceback if there was one
    earlier: tuple[str, ...] = ()  # the reasons of earlier attempts

    @property
    def reasons(self) -> tuple[str, ...]:
        """One for each attempt, the last at the end."""
        return (*self.earlier, self.reason)


def tail(text: str) -> str:
    """The last lines of a log; unpaired surrogates are escaped."""
    text = text[-LOG_CHARACTERS:].encode(errors="backslashreplace").decode()
    return "\n".join(text.splitlines()[-LOG_LINES:])
