"""Mistakes end with exit code 2 and one message that says what is allowed, no traceback."""

from pathlib import Path

import pytest

from ablations.cli import main

STAGES = ["--model", "unet", "--placement", "stages"]


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The error message of a command that is refused."""
    try:
        code: object = main([str(argument) for argument in arguments])
    except SystemExit as refused:  # argparse
        code = refused.code
    error = capsys.readouterr().err
    assert code == 2
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize(
    ("flag", "value", "allowed"),
    [
        ("--block", "psa", "psa_parallel"),
        ("--block", "nowhere:Block", "cannot be imported"),
        ("--placement", "residuals", "did you mean 'residual'"),
        ("--model", "unett", "did you mean 'unet'"),
        ("--encoder", "resnet19", "resnet18"),
        ("--dataset", "digit", "did you mean 'digits'"),
        ("--lr", "fast", "--lr"),
        ("--lr", "-1", "greater than 0"),
        ("--batch-size", "0", "greater than or equal to 2"),
        ("--optimizer", "adam", "adamw"),
        ("--study", "../elsewhere", "plain name"),
    ],
)
def test_a_wrong_value_is_named(
    flag: str, value: str, allowed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = complaint(capsys, "train", flag, value, "--runs", tmp_path)
    assert value in error
    assert allowed in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image-size", "50"], "image size 50x50 is not divisible by 16"),
        (["--encoder", "mobilenet_v2", "--block", "se"], "residual needs BasicBlocks"),
        (["--block", "se", "--encoder", "efficientnet-b0", *STAGES], "multiple of 16"),
        (["--model", "deeplabv3", "--encoder", "tu-hrnet_w18_small"], "cannot be built"),
    ],
)
def test_what_does_not_go_together_is_named(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in complaint(capsys, "train", *arguments, "--runs", tmp_path)


def test_an_unknown_key_in_a_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.yaml").write_text("blok: se\n")
    error = complaint(capsys, "train", "--config", tmp_path / "run.yaml")
    assert "run.yaml: unknown key 'blok'; did you mean 'block'?" in error


def test_a_sweep_names_a_cell_that_cannot_be_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.yaml").write_text(
        "method: grid\nparameters: {block: {values: [none, sse]}}\n"
    )
    error = complaint(capsys, "sweep", tmp_path / "wrong.yaml", "--runs", tmp_path / "runs")
    assert "unknown block 'sse'; did you mean 'se'?" in error
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--retries", "-1"], "'-1' is not a whole number of 0 or more"),
        (["--jobs", "0"], "'0' is not a positive whole number"),
        (["--timeout", "soon"], "'soon' is not a positive whole number"),
        (["--gpus", "0,0"], "'0,0' is not a list of GPUs"),
        (["--gpus", ","], "',' is not a list of GPUs"),
        (["--gpus", "77"], "--gpus 77: not a GPU of this machine"),
        (
            ["--gpus", "0", "--accelerator", "cpu"],
            "--gpus has no effect with --accelerator",
        ),
        (["--partition", "gpu"], "--partition has no effect with --executor here"),
        (["--executor", "local", "--timeout", "9"], "--timeout has no effect with"),
        (["--executor", "slurm", "--minutes", "2"], "'2' is less than 5 minutes"),
        (["--executor", "slurm", "--sbatch", "mem"], "'mem' is not KEY=VALUE"),
    ],
)
def test_an_option_of_a_sweep_that_does_nothing_is_refused(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    smoke = Path(__file__).parents[1] / "sweeps" / "smoke.yaml"
    runs = tmp_path / "runs"
    assert message in complaint(capsys, "sweep", smoke, "--runs", runs, *arguments)
    assert not runs.exists()


def test_a_report_on_nothing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no such folder" in complaint(capsys, "report", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "no record" in complaint(capsys, "report", tmp_path / "empty")


@pytest.mark.parametrize("size", ["0", "64x", "axb", "64x-1"])
def test_a_size_is_height_by_width(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "HEIGHTxWIDTH" in complaint(capsys, "cost", "--size", size)
