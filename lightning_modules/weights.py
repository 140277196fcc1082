"""The network of a finished run as a file: written after the training, loaded by name.

One safetensors file, whose metadata say what the network is: configuration, classes,
normalisation, the step and its validation mIoU. The source of a user's own block is not in
the file; it must be where it was, and unchanged.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import safetensors.torch
import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ablations.documents import Count, Number, Text, problem_of
from ablations.errors import InputError, first_line
from ablations.normalisation import Normalisation
from ablations.records import RunDocument, Share
from ablations.run_config import RunConfig
from ablations.run_folder import WEIGHTS, RunFolder
from ablations.sources import check_imported, check_source, source_of
from ablations.whole_file import write_whole
from lightning_modules.best_weights import Best
from lightning_modules.segmentation import SegmentationModule

STATEMENT = "attention-ablations"  # the key of the metadata
Kept = Literal["last", "best"]
Colours = Annotated[tuple[Number, ...], Field(min_length=3, max_length=3)]
State = Mapping[str, Tensor]
# What only a training needs: no download, no second head, no compilation.
UNTRAINED = {"encoder_weights": None, "auxiliary_loss": 0.0, "compile": False}


class Statement(RunDocument):
    """What a file of weights says about its network."""

    kept: Kept
    step: Count
    miou: Share  # of the validation after that step
    classes: tuple[Text, ...] = Field(min_length=1)
    mean: Colours  # normalisation
    std: Colours
    reverse: bool
    tensors: Text  # sha256

    @property
    def normalisation(self) -> Normalisation:
        return Normalisation(self.mean, self.std, self.reverse)


class TrainedRun(NamedTuple):
    """A trained network, and what is needed to use it."""

    config: RunConfig
    classes: tuple[str, ...]
    normalisation: Normalisation  # of the images that it expects
    step: int
    model: nn.Module  # (B, 3, H, W) -> (B, classes, H, W), in eval mode, on the CPU


def load_model(run: Path | RunFolder) -> nn.Module:
    """The trained network of a run, in eval mode, on the CPU.

    Nothing is downloaded. Raises InputError if the run kept no weights, if their file is
    damaged, or if a block of the user's own has changed since.
    """
    return load_run(run).model


def load_run(run: Path | RunFolder) -> TrainedRun:
    """The same with its configuration, classes and normalisation."""
    path = weights_file(run)
    statement, state = read_weights(path)
    module = restored(statement, state, path)
    return TrainedRun(
        statement.config,
        statement.classes,
        statement.normalisation,
        statement.step,
        module.model.eval(),
    )


def weights_file(run: Path | RunFolder) -> Path:
    """InputError for a folder that is not a run's, or of a run without kept weights."""
    folder = run.path if isinstance(run, RunFolder) else run
    path = folder / WEIGHTS
    if path.is_file():
        return path
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of a run")
    raise InputError(
        f"{folder}: no {WEIGHTS} in it; only a run that was trained with --keep-weights "
        "last or best has one"
    )


def write_weights(
    path: Path,
    config: RunConfig,
    classes: tuple[str, ...],
    normalised: Normalisation,
    kept: Kept,
    best: Best,
) -> None:
    """Write the network whole or not at all. Raises UnwritableError."""
    # copies: a file holds no tensor that shares its memory with another one
    state = {name: value.cpu().contiguous().clone() for name, value in best.state.items()}
    statement = Statement(
        config=config,
        kept=kept,
        step=best.step,
        miou=best.miou,
        classes=classes,
        mean=normalised.mean,
        std=normalised.std,
        reverse=normalised.reverse,
        tensors=digest(state),
    )
    metadata = {"format": "pt", STATEMENT: statement.model_dump_json()}
    write_whole(path, safetensors.torch.save(state, metadata))


def digest(state: State) -> str:
    """A hash of all names and values."""
    total = hashlib.sha256()
    for name, value in sorted(state.items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def read_weights(path: Path) -> tuple[Statement, dict[str, Tensor]]:
    """InputError for a file that is damaged, of another format or not of this suite."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            statement = parsed(metadata.get(STATEMENT), path)
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"{path}: damaged, or not a safetensors file ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if digest(state) != statement.tensors:
        raise InputError(f"{path}: damaged: the values are not those that were written")
    return statement, state


def parsed(text: str | None, path: Path) -> Statement:
    if text is None:
        raise InputError(f"{path}: not the weights of a run: its metadata lack {STATEMENT}")
    try:
        return Statement.model_validate(json.loads(text))
    except ValidationError as error:
        raise InputError(f"{path}: {problem_of(error)}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: the metadata {STATEMENT} are not JSON") from None


def restored(
    statement: Statement,
    state: State,
    path: Path,
    kind: type[SegmentationModule] = SegmentationModule,
) -> SegmentationModule:
    """The module of a run with its trained weights; InputError if they do not fit.

    Without what only a training needs, so it cannot be trained further.
    """
    check_code(statement.config, path)
    config = statement.config.model_copy(update=UNTRAINED)
    with torch.random.fork_rng(devices=[]):
        module = kind(config, statement.classes)
        if module.model.state_dict().keys() != state.keys():  # a layer may be made late
            side = config.image_size
            with torch.no_grad():
                module.model.eval()(torch.zeros(1, 3, side, side))
    try:
        module.model.load_state_dict(dict(state))
    except RuntimeError as error:
        raise InputError(
            f"{path}: does not fit the network of its configuration "
            f"({first_line(error)}); was it written by another version?"
        ) from None
    return module


def check_code(config: RunConfig, path: Path) -> None:
    """InputError if a block or placement of the user's own is not as it was."""
    values: dict[str, Any] = config.model_dump() | {"dataset": ""}
    entries = config.source.split(",")
    source = ",".join(entry for entry in entries if not entry.startswith("dataset="))
    check_source(values | {"source": source}, str(path))
    check_imported(values | {"source": source_of(values)})
