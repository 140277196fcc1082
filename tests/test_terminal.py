"""What a user sees at a terminal: tables that fit, names, one line per mistake."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ablations import catalogue
from ablations.attention import BLOCKS
from ablations.cli import main
from ablations.complexity.conventions import CONVENTIONS
from ablations.complexity.counters import measure
from ablations.complexity.hollow import HollowConvolutions
from ablations.encoders import MODELS
from ablations.placements import PLACEMENTS
from lightning_modules.data import DATASETS

ROOT = Path(__file__).parents[1]


def output(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    try:
        code: object = main([str(argument) for argument in arguments])
    except SystemExit as refused:
        code = refused.code
    assert code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_the_names_that_are_listed_are_those_of_the_registries() -> None:
    assert catalogue.blocks() == {key: block.label for key, block in BLOCKS.items()}
    assert list(catalogue.every_block()) == [*BLOCKS, *catalogue.library_blocks()]
    assert list(catalogue.placements()) == list(PLACEMENTS)
    assert list(catalogue.models()) == list(MODELS)
    assert list(catalogue.datasets()) == list(DATASETS)
    assert catalogue.conventions() == list(CONVENTIONS)
    meanings = [*catalogue.placements().values(), *catalogue.datasets().values()]
    assert all(meanings)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("blocks", "options: ratio=16"),
        ("models", "options: encoder_depth=5, decoder_use_norm"),
    ],
)
def test_a_list_of_one_kind_shows_options_and_imports_nothing_heavy(
    kind: str, line: str
) -> None:
    code = (
        f"import sys; from ablations.cli import main; main(['list', '{kind}']);"
        "sys.exit(str({'torch', 'pandas', 'timm', 'pydantic'} & {*sys.modules}))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stderr.strip() == "set()"
    assert line in process.stdout


def test_the_list_imports_nothing_heavy() -> None:
    code = (
        "import sys; from ablations.cli import main; main(['list']);"
        "sys.exit(str({'torch', 'pandas', 'timm', 'lightning_modules'} & {*sys.modules}))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stderr.strip() == "set()"
    for name in [*BLOCKS, *PLACEMENTS, *MODELS, *DATASETS, "encoders", "tu-NAME"]:
        assert (
            f"  {name}" in process.stdout
            or f"{name}:" in process.stdout
            or name in process.stdout
        )


def test_blocks_of_other_libraries_are_listed_on_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = output(capsys, "list", "blocks")
    assert re.search("timm:eca +timm's EcaModule", listed)
    assert re.search("smp:scse +smp's SCSEModule", listed)
    assert "timm:ecam" not in output(capsys, "list")
    assert "timm:eca, smp:scse" in output(capsys, "list")


def test_encoders_are_listed_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert "mit_b0" in output(capsys, "list", "encoders").splitlines()


def test_without_a_verb_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "bench-study" in capsys.readouterr().out


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("ablate ")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_tables_fit_the_terminal(
    width: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    command = ["cost", "--block", "psa_sequential_code", "--block", "se", "--out", tmp_path]
    for more in ([], ["--model", "fpn", "--encoder", "resnet18"]):
        text, _, paths = output(capsys, *command, *more).partition("written:")
        assert max(map(len, text.splitlines())) <= width
        assert "| PSA (s), code |" in text
        assert " 13.050 |" in text or not more  # in one piece
        assert str(tmp_path / "cost.md") in paths


def test_wide_prints_every_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["cost", "--block", "gc", "--channels", "16", "--out", tmp_path]
    narrow, wide = output(capsys, *command), output(capsys, *command, "--wide")
    assert "Uncounted operators" not in narrow
    assert "More columns: --wide" in narrow
    assert "Uncounted operators" in wide
    assert "More columns" not in wide


def test_what_is_named_twice_is_shown_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["cost", *["--block", "se"] * 2, "--encoder", "resnet18", "--encoder"]
    text = output(capsys, *command, "resnet18", "--model", "fpn", "--out", tmp_path)
    table, *_ = text.partition("MACs that a block adds")
    assert table.count("| SE ") == 1


def test_blocks_alone_need_no_encoder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoders = ["--encoder", "resnet18", "--encoder", "resnet50"]
    command = ["cost", "--block", "se", "--channels", "16", *encoders]
    assert main([*command, "--out", str(tmp_path)]) == 0
    assert "on 16 channels" in capsys.readouterr().out


def test_a_table_is_shown_though_it_cannot_be_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    command = ["cost", "--block", "se", "--channels", "16", "--out", str(tmp_path / "file")]
    assert main(command) == 2
    streams = capsys.readouterr()
    assert "| SE " in streams.out
    assert "written" not in streams.out
    assert streams.err.count("\n") == 1
    assert "cannot be written" in streams.err


@pytest.mark.slow
def test_bench_says_nothing_but_its_table(tmp_path: Path) -> None:
    """No warning from torch on a machine without a GPU."""
    command = ["bench", "--block", "se", "--shape", "1x16x4x4", "--rounds", "1"]
    process = subprocess.run(
        [sys.executable, "-m", "ablations", *command, "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert process.stderr == ""
    assert "| SE " in process.stdout
    assert (tmp_path / "bench.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench", "--block", "se", "--shape", "1x7x3x3"], "must be a multiple of 16"),
        (["bench", "--block", "sse"], "did you mean 'se'"),
        (["bench", "--shape", "1x7x3"], "'1x7x3' is not BxCxHxW"),
        (["bench", "--threads", "1000000"], "threads, the CPUs of this machine"),
        (["bench", "--rounds", "1000000000"], "more than 10,000 rounds"),
        (["bench", "--name", "../bench"], "'../bench' is not a plain name"),
        (["cost", "--channels", "1000000000"], "more than 16,384 channels"),
        (["cost", "--size", "99999999999999999999"], "is more than 1,048,576"),
        (["cost", "--size", "-1"], "HEIGHTxWIDTH"),
        (["cost", "--classes", "0", "--model", "unet"], "'0' is not a positive whole"),
        (["data", "show", "digits", "--size", "1000000"], "more than 4,096 pixels"),
        (["where", "--model", "../unet"], "unknown model '../unet'"),
    ],
)
def test_an_odd_value_is_refused_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refusal(capsys, *arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("verb", ["bench", "bench-model"])
def test_a_gpu_that_is_not_there_is_named(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [verb, "--device", "cuda"]
    arguments += ["--model", "fpn", "--size", "64"] if verb == "bench-model" else []
    assert "torch finds no CUDA device" in refusal(capsys, *arguments)


CONVOLUTIONS = {
    "plain": nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
    "grouped": nn.Conv2d(6, 12, 3, groups=3, bias=False),
    "reflecting": nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"),
    "transposed": nn.ConvTranspose2d(
        6, 8, (4, 3), stride=2, padding=1, output_padding=1, groups=2, dilation=2
    ),
}


@pytest.mark.parametrize("convolution", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_hollow_convolution_has_the_shape_and_the_count_of_a_real_one(
    convolution: nn.Conv2d | nn.ConvTranspose2d,
) -> None:
    x = torch.zeros(1, convolution.in_channels, 13, 17)
    with HollowConvolutions(), FlopCounterMode(display=False) as hollow_counter:
        hollow = convolution(x)
    with FlopCounterMode(display=False) as counter:
        real = convolution(x)
    assert hollow.shape == real.shape
    assert hollow_counter.get_total_flops() == counter.get_total_flops() > 0
    places = x if isinstance(convolution, nn.ConvTranspose2d) else real
    macs = convolution.weight.numel() * places.shape[2:].numel()
    assert measure(convolution, tuple(x.shape)).macs == macs


def test_a_hollow_convolution_refuses_what_a_real_one_does() -> None:
    with HollowConvolutions(), pytest.raises(RuntimeError, match="to have 3 channels"):
        nn.Conv2d(3, 8, 3)(torch.zeros(1, 4, 9, 9))
    with HollowConvolutions(), pytest.raises(RuntimeError, match="Kernel size"):
        nn.Conv2d(3, 8, 5)(torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("exit 1", "Python 3.11, 3.12 or 3.13 is needed"),
        (None, "no {} here"),
    ],
)
def test_make_says_which_python_is_needed(
    python: str | None, message: str, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    if python:
        program.write_text(f"#!/bin/sh\n{python}\n")
        program.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    process = subprocess.run(
        ["make", "demo", f"PYTHON={program}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert process.returncode == 2
    assert message.format(program) in process.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_demo_says_how_long_it_takes_and_repeats_nothing(tmp_path: Path) -> None:
    """By what make would run the first time, and the second."""
    report = tmp_path / "runs" / "demo" / "report"
    for folder in (report, tmp_path / ".venv"):
        folder.mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / ".venv" / "installed").touch()
    first = would_run(tmp_path)
    assert re.findall(r"bin/ablate (\S+)", first) == ["cost", "anatomy", "sweep", "report"]
    assert re.search(r"\d+ seconds.*minutes", first, re.DOTALL)
    (report / "anatomy.md").touch()
    assert re.findall(r"bin/ablate (\S+)", would_run(tmp_path)) == ["sweep", "report"]


def would_run(folder: Path) -> str:
    command = ["make", "--dry-run", "demo"]
    process = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True
    )
    return process.stdout
