"""A trained network as an ONNX file, which needs neither this code nor PyTorch."""

import json
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch

from ablations.errors import InputError, first_line, quoted
from ablations.whole_file import write_whole
from lightning_modules.weights import TrainedRun

Size = tuple[int, int] | Literal["dynamic"]
NEEDED = ("onnx", "onnxscript")


def export_onnx(trained: TrainedRun, path: Path, size: Size) -> None:
    """Write images (B, 3, H, W), normalised, to logits (B, classes, H, W); any B.

    Raises InputError for a network that cannot be exported, and if a package is missing.
    """
    check_packages()
    if size == "dynamic":
        check_other_size(trained)
    write_whole(path, onnx_bytes(trained, size))


def check_packages() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(
            f"export needs the package {missing[0]}, which is not installed: pip install "
            f"{missing[0]}"
        )


def check_other_size(trained: TrainedRun) -> None:
    """InputError for a network of one size, which the exporter does not notice."""
    side = trained.config.image_size
    try:
        with torch.no_grad():
            trained.model(torch.zeros(1, 3, 2 * side, side))
    except Exception as error:  # whatever a network raises
        reason = f"it takes no image of {2 * side}x{side} pixels: {first_line(error)}"
        raise refusal(trained, reason, dynamic=True) from None


def onnx_bytes(trained: TrainedRun, size: Size) -> bytes:
    side = trained.config.image_size
    height, width = (side, side) if size == "dynamic" else size
    shape: dict[int, str] = {0: "batch"}
    if size == "dynamic":
        shape |= {2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own
        try:
            program = torch.onnx.export(
                trained.model,
                (torch.zeros(2, 3, height, width),),
                dynamo=True,
                dynamic_shapes=(shape,),
                input_names=["images"],
                output_names=["logits"],
                verbose=False,
            )
        except Exception as error:  # the exporter raises errors of many kinds
            raise refusal(trained, first_line(error), size == "dynamic") from None
    if program is None:  # by its types; not with dynamo
        raise refusal(trained, "no network", size == "dynamic")
    check_shape(trained, program.model.graph.inputs[0].shape, shape)
    program.model.metadata_props.update(metadata(trained))
    content: bytes = program.model_proto.SerializeToString()
    return content


def check_shape(trained: TrainedRun, exported: Any, asked: dict[int, str]) -> None:
    """InputError if the exporter has silently fixed a dimension that should be free."""
    for dimension, name in asked.items():
        if isinstance(exported[dimension], int):
            reason = f"it works for {name} = {exported[dimension]} only"
            raise refusal(trained, reason, name != "batch")


def refusal(trained: TrainedRun, reason: str, dynamic: bool) -> InputError:
    config = trained.config
    advice = "; try a fixed --size" if dynamic else ""
    return InputError(
        f"model {quoted(config.model)} with block {quoted(config.block)} cannot be "
        f"exported ({reason}){advice}"
    )


def metadata(trained: TrainedRun) -> dict[str, str]:
    """Texts that explain the file to whoever runs it."""
    normalised = trained.normalisation
    return {
        "run_id": trained.config.run_id,
        "step": str(trained.step),
        "classes": json.dumps(trained.classes),
        "mean": json.dumps(normalised.mean),
        "std": json.dumps(normalised.std),
        "colours": "BGR" if normalised.reverse else "RGB",
    }
