"""An exported network computes what the trained one does, without this code."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from ablations.cli import main
from ablations.errors import InputError
from lightning_modules import export
from lightning_modules.weights import load_run
from tests.test_weights import CLASSES, SMALL, kept

CONFIG = SMALL.changed(block="psa_parallel", placement="last_feature")


def session(run: Path, file: Path, *words: str) -> onnxruntime.InferenceSession:
    assert main(["export", str(run), "--onnx", str(file), *words]) == 0
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def difference(run: Path, onnx: onnxruntime.InferenceSession, *shape: int) -> float:
    images = torch.randn(*shape, generator=torch.Generator().manual_seed(2))
    [logits] = onnx.run(["logits"], {"images": images.numpy()})
    with torch.no_grad():
        own = load_run(run).model(images).numpy()
    assert logits.shape == own.shape == (shape[0], len(CLASSES), *shape[2:])
    return float(np.abs(logits - own).max() / np.abs(own).max())


@pytest.mark.slow
def test_a_file_of_one_size_takes_any_number_of_images(tmp_path: Path) -> None:
    run, _ = kept(CONFIG, tmp_path)
    onnx = session(run, tmp_path / "new" / "network.onnx", "--size", "64x96")
    assert onnx.get_inputs()[0].shape == ["batch", 3, 64, 96]
    assert difference(run, onnx, 1, 3, 64, 96) < 1e-5
    assert difference(run, onnx, 3, 3, 64, 96) < 1e-5
    stated = onnx.get_modelmeta().custom_metadata_map
    assert stated["run_id"] == CONFIG.run_id
    assert json.loads(stated["classes"]) == list(CLASSES)
    assert json.loads(stated["mean"]) == [0.1, 0.2, 0.3]
    assert json.loads(stated["std"]) == [0.5, 0.25, 0.125]
    assert stated["colours"] == "BGR"


@pytest.mark.slow
def test_the_usual_size_is_that_of_the_run(tmp_path: Path) -> None:
    run, _ = kept(CONFIG, tmp_path)
    onnx = session(run, tmp_path / "network.onnx")
    assert onnx.get_inputs()[0].shape == ["batch", 3, 32, 32]


@pytest.mark.slow
def test_a_dynamic_file_takes_images_of_other_sizes(tmp_path: Path) -> None:
    run, _ = kept(CONFIG, tmp_path)
    onnx = session(run, tmp_path / "network.onnx", "--size", "dynamic")
    assert onnx.get_inputs()[0].shape == ["batch", 3, "height", "width"]
    for shape in [(1, 3, 32, 32), (3, 3, 64, 96), (1, 3, 128, 32)]:
        assert difference(run, onnx, *shape) < 1e-5


def test_a_network_of_one_size_is_not_exported_for_others(tmp_path: Path) -> None:
    block = "tests.test_own_blocks:OneSize"
    run, _ = kept(SMALL.changed(block=block, placement="last_feature"), tmp_path)
    message = (
        r"exported \(it takes no image of 64x32 pixels: .* for 8x8\); try a fixed --size"
    )
    with pytest.raises(InputError, match=message):
        export.export_onnx(load_run(run), tmp_path / "network.onnx", "dynamic")
    assert not (tmp_path / "network.onnx").exists()


def test_a_dimension_that_the_exporter_fixes_is_noticed(tmp_path: Path) -> None:
    trained = load_run(kept(SMALL, tmp_path)[0])
    export.check_shape(trained, ["batch", 3, 32, 32], {0: "batch"})
    with pytest.raises(InputError, match=r"exported \(it works for width = 32 only\); try"):
        export.check_shape(trained, ["batch", 3, "height", 32], {0: "batch", 3: "width"})


def test_a_network_that_cannot_be_exported_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("no such operator\nand a long story")

    monkeypatch.setattr(torch.onnx, "export", fail)
    trained = load_run(kept(SMALL, tmp_path)[0])
    with pytest.raises(InputError) as error:
        export.export_onnx(trained, tmp_path / "network.onnx", (32, 32))
    assert str(error.value) == (
        "model 'linknet(encoder_depth=2)' with block 'none' cannot be exported "
        "(RuntimeError: no such operator)"
    )


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = kept(SMALL, tmp_path)
    monkeypatch.setattr(export, "find_spec", {"onnx": "found"}.get)
    assert main(["export", str(run), "--onnx", str(tmp_path / "network.onnx")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert (
        "export needs the package onnxscript, which is not installed: pip install" in line
    )
