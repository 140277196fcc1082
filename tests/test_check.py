"""`--check` passes only if every run can begin; `--dry-run` makes the same checks."""

import itertools
import sys
import time
from pathlib import Path

import pytest

from ablations.cli import main
from sweeps.study import check

SMALL = """
name: small
method: grid
parameters:
  model: {value: fpn}
  placement: {value: last_feature}
  image_size: {value: 32}
"""
OWN_BLOCKS = """
from torch import nn

class Raises(nn.Module):
    def __init__(self, channels):
        super().__init__()
        raise KeyError("no such part")

class Pair(nn.Module):
    def __init__(self, channels):
        super().__init__()

    def forward(self, x):
        return x, x

class Good(Pair):
    def forward(self, x):
        return 2 * x

class Same(Pair):
    def forward(self, x):
        return x + 0

class MixesImages(Pair):
    def forward(self, x):
        return x - x.mean(dim=0) / 2
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the user's own blocks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("ABLATE_DATA", raising=False)
    (tmp_path / "checked_blocks.py").write_text(OWN_BLOCKS)
    monkeypatch.delitem(sys.modules, "checked_blocks", raising=False)  # from another test
    return tmp_path


def answer(
    folder: Path, more: str, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, str]:
    """The exit code and output for the small study with more lines in its file."""
    path = folder / "small.yaml"
    path.write_text(SMALL + more)
    code = main(["sweep", str(path), "--accelerator", "cpu", *options])
    output = capsys.readouterr()
    assert not (folder / "runs").exists()
    return code, output.err or output.out


@pytest.mark.parametrize("option", ["--check", "--dry-run"])
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("  block: {values: [none, sse]}", "did you mean 'se'"),
        ("  encoder: {value: resnet19}", "unknown encoder 'resnet19'"),
        ("  encoder: {value: ''}", "unknown encoder ''"),
        ("  block: {value: ':'}", "'' is not a Python name"),
        ("  block: {value: 'nowhere:Block'}", "cannot be imported"),
        ("  block: {value: 'checked_blocks:Raises'}", "no such part"),
        ("  block: {value: 'checked_blocks:Pair'}", "tuple"),
        ("  encoder_weights: {values: [null, imagenett]}", "imagenett"),
        ("  encoder_weights: {value: none}", "write null"),
        ("  seed: {value: 4294967296}", "4294967295"),
        ("  val_images: {value: 100000}", "val_images = 100000"),
        ("  dataset: {value: voc2012}", "needs the folder"),
        ("  precision: {value: 16-mixed}", "precision = '16-mixed'"),
        ("command: ['${args}']\nprogram: main.py", "starts with ${args}"),
        ("command: [nowhere, '${args}']", "'nowhere' cannot be started"),
        ("command: [python, x.py, '${args}']", "'x.py' cannot be started"),
        ("program: x.py", "'x.py' cannot be started"),
    ],
)
def test_what_no_run_could_begin_with_is_named(
    option: str,
    more: str,
    message: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, text = answer(folder, more, capsys, option)
    assert (code, text.count("\n")) == (2, 1)
    assert message in text


@pytest.mark.parametrize("encoder", ["vgg11", "mobilenet_v2"])
def test_a_placement_that_an_encoder_cannot_take_is_named(
    encoder: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "small.yaml"
    path.write_text(
        "method: grid\nparameters: {block: {values: [none, se]}, "
        f"encoder: {{value: {encoder}}}, model: {{value: fpn}}}}\n"
    )
    assert main(["sweep", str(path), "--check"]) == 2
    assert "residual" in capsys.readouterr().err


def test_an_image_size_that_a_model_cannot_take_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "small.yaml"
    path.write_text("method: grid\nparameters: {image_size: {value: 33}}\n")
    assert main(["sweep", str(path), "--check"]) == 2
    assert "33x33 is not divisible by" in capsys.readouterr().err


def test_what_can_begin_passes_and_says_what_was_checked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "  block: {values: [none, 'checked_blocks:Good']}\n  seed: {min: 0, max: 9}"
    code, text = answer(folder, more, capsys, "--check")
    assert code == 0
    assert "small: 20 cells; block, seed swept" in text
    assert "networks: all 2 can be built" in text
    assert "no mistakes found" in text


def test_a_network_that_is_all_right_costs_no_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "  block: {values: [none, 'checked_blocks:Same']}\n  seed: {min: 0, max: 9}"
    code, text = answer(folder, more, capsys, "--check")
    assert (code, "blocks: 1 of 1 networks with blocks are all right" in text) == (0, True)
    assert "note: " not in text


def test_a_network_that_begins_far_from_the_bare_one_gets_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "  block: {value: psa_sequential}"
    code, text = answer(folder, more, capsys, "--check")
    where = "  note: PSA (s) at last_feature (fpn, resnet18): "
    [line] = [line for line in text.splitlines() if line.startswith(where)]
    subjects = line.removeprefix(where).split(", ")
    assert {"logits", "scale over each block"} < set(subjects)
    assert "blocks: 0 of 1 networks" in text
    assert (code, "no mistakes found" in text) == (0, True)


def test_a_broken_promise_is_named_and_ends_with_code_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "  block: {values: ['checked_blocks:Same', 'checked_blocks:MixesImages']}"
    code, text = answer(folder, more, capsys, "--check")
    assert code == 1
    assert "  broken: checked_blocks:MixesImages at last_feature (fpn, resnet18): " in text
    assert "contract: images independent" in text
    assert "no mistakes found" not in text


def test_a_program_of_the_users_own_decides_what_it_trains(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "main.py").write_text("")
    code, text = answer(
        folder, "  dataset: {value: voc2012}\nprogram: main.py", capsys, "--check"
    )
    assert code == 0
    assert "command: W&B's own" in text
    assert "networks" not in text


def test_a_network_that_cells_share_is_built_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "  block: {values: [none, se]}\n  seed: {min: 0, max: 999}"
    assert answer(folder, more, capsys, "--check")[0] == 0  # imports
    began = time.process_time()
    code, text = answer(folder, more, capsys, "--check")
    assert time.process_time() - began < 5
    assert (code, "networks: all 2 can be built" in text) == (0, True)


def test_what_there_was_no_time_for_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = itertools.chain([0.0, 0.0, 1.0], itertools.repeat(1000.0))
    monkeypatch.setattr("sweeps.study.check.time.monotonic", lambda: next(moments))
    code, text = answer(folder, "  block: {values: [none, se, gc]}", capsys, "--check")
    assert (code, "networks: 1 of 3 checked in 60 s" in text) == (0, True)
    assert "blocks: 0 of 2 networks checked" in text


def test_an_import_that_never_ends_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "endless_block.py").write_text("while True: pass\n")
    monkeypatch.setattr(check, "STEP", 1)
    code, text = answer(folder, "  block: {value: 'endless_block:X'}", capsys, "--check")
    assert code == 2
    assert "took more than 1 s" in text
