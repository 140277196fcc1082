"""Every number, word and key of a sweep file is checked before it is used."""

import os
import time
from pathlib import Path

import pytest

from ablations.cli import main
from ablations.errors import LINE, InputError
from ablations.run_config import RunConfig
from ablations.yaml_file import BYTES, read_yaml
from sweeps.study.grid import CELLS
from sweeps.study.sweep_file import load_study


def refusal(folder: Path, text: str | bytes, count: int | None = None) -> str:
    """Why a sweep file is refused: one line that names the file."""
    path = folder / "small.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as error:
        load_study(path, count)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def parameter(line: str, method: str = "grid") -> str:
    return f"method: {method}\nparameters:\n  {line}\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed: {min: 5, max: 1}", "seed: min = 5 is above max = 1"),
        ("seed: {min: true, max: 3}", "min = True is not a whole number"),
        (
            "seed: {distribution: int_uniform, min: 0.0, max: 2}",
            "0.0 is not a whole number",
        ),
        ("seed: {min: 0, max: .nan}", "max = nan is not a finite number"),
        ("lr: {distribution: q_uniform, min: 1e-4, max: 0.1}", "as text, write 1.0e-4"),
        ("lr: {distribution: q_uniform, min: 0.1, max: 1, q: 0}", "q = 0 is not a finite"),
        ("lr: {distribution: q_uniform, min: 0.1, max: 1, q: .inf}", "q = inf is not"),
        ("lr: {distribution: q_uniform, min: 0.1, max: 0.1}", "has no value"),
        ("lr: {distribution: q_uniform, min: 0, max: 1000000000000}", "more than 100,000"),
        ("lr: {distribution: q_uniform, min: 0, max: 1, q: 1.0e-300}", "more than 100,000"),
        ("seed: {values: [0], probabilities: [1]}", "have no meaning in a grid"),
        ("seed: {values: [0, 1], mu: 5}", "categorical does not take 'mu'"),
        ("seed: {value: 0, q: 1}", "constant does not take 'q'"),
        ("seed: {values: 3}", "values = 3 is not a list of values"),
        ("seed: {distribution: [x]}", "unknown distribution ['x']"),
        ("seed: {distribution: uniform, min: 0}", "uniform needs max"),
        ("lr: {parameters: null}", "parameters = None is not a mapping of parameters"),
        ("lr: {parameters: [1]}", "parameters = [1] is not"),
        ("lr: {parameters: {}}", "parameters = {} is not"),
        ("lr: {parameters: {a: {value: 1}}, value: 2}", "cannot be combined with 'value'"),
        ("lr: {value: .inf}", "lr = inf: Input should be a finite number"),
        ("weight_decay: {value: .nan}", "weight_decay = nan"),
        ("seed: {value: 4294967296}", "less than or equal to 4294967295"),
        ("max_steps: {value: 99999999999999999999}", "max_steps = 99999999999999999999"),
        ("train_images: {value: none}", "to set no number, write null"),
        ("max_steps: {value: 1e3}", "as text, write 1.0e+3"),
        ("block: {value: no}", "block = False: .* put it in quotes"),
        ("encoder_weights: {value: none}", "write null"),
        ("cell: {value: 3}", "cell = 3 is not a mapping"),
        ("cell: {values: [{cell: {seed: 1}}]}", "not another cell"),
        ("cell: {values: [{seed: 1}]}\n  seed: {value: 0}", "'seed' is also given outside"),
        ("on: {value: 1}", "line 3, column 3: key 'on' is not text: YAML reads on"),
        ("1: {value: 1}", "key '1' is not text: YAML reads it as int"),
        ("? [a]\n  : 1", "is not text"),
        ("seed: !!int x", "line 3, column 9: 'x' cannot be read as int"),
        ("seed: !!bool maybe", "'maybe' cannot be read as bool"),
        ("seed: {value: !!float ''}", "'' cannot be read as float"),
        ("seed: !!timestamp x", "'x' cannot be read as timestamp"),
        ("seed: !!map [1]", "expected a mapping"),
        ("lr: {value: 2024-13-01}", "timestamp (month must be in 1..12)"),
        ("seed: &a {parameters: *a}", "an alias refers to a node that contains it"),
        ("seed: &a {<<: *a}", "refers to itself"),
        ("seed: {value: " + "[" * 5000 + "]" * 5000 + "}", "nest"),
        ("block: {value: ':'}", "block ':': '' is not a Python name"),
        ("block: {value: 'a:b:c'}", "'b:c' is not a Python name"),
        ("block: {value: './x:y'}", "is not a Python name"),
        ("block: {value: 'x:class'}", "'class' is not a Python name"),
        ('block: {value: "\\0:x"}', r"'\x00' is not a Python name"),
    ],
)
def test_a_parameter_is_checked_before_it_is_used(
    line: str, message: str, tmp_path: Path
) -> None:
    text = refusal(tmp_path, parameter(line))
    assert all(part in text for part in message.split(".*"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lr: {min: 0.1, max: 0.01}", "min = 0.1 is above max = 0.01"),
        ("lr: {distribution: uniform, min: 1e-4, max: 1e-2}", "write 1.0e-4"),
        ("lr: {distribution: log_uniform_values, min: 0, max: 1}", "min = 0 is not"),
        ("lr: {distribution: inv_log_uniform_values, min: -1, max: 1}", "above 0"),
        ("lr: {distribution: q_log_uniform_values, min: 1, max: 2, q: -1}", "q = -1"),
        ("lr: {distribution: log_uniform, min: 0, max: 1000.0}", "at most 709"),
        ("lr: {distribution: q_log_normal, mu: 710}", "mu = 710 is not"),
        ("lr: {distribution: log_normal, sigma: -1}", "sigma = -1 is not"),
        ("lr: {distribution: normal, mu: a}", "mu = 'a' is not"),
        ("lr: {distribution: normal, min: 0}", "normal does not take 'min'"),
        ("lr: {distribution: uniform, min: -1.7e+308, max: 1.7e+308}", "too large"),
        ("lr: {distribution: q_normal, q: 1.0e-320}", "too large for a float"),
        ("seed: {distribution: int_uniform, min: 0, max: 99999999999999999999}", "whole"),
        ("block: {values: [se, gc], probabilities: [1.0]}", "1 probabilities for 2"),
        ("block: {values: [se, gc], probabilities: [0.5, 0.6]}", "that sum to 1"),
        ("block: {values: [se, gc], probabilities: [-1, 2]}", "non-negative"),
        ("block: {values: [se, gc], probabilities: null}", "is not a list of non-negative"),
        ("seed: {min: 0, max: 1, probabilities: [1]}", "does not take 'probabilities'"),
    ],
)
def test_a_distribution_is_checked_before_it_is_drawn_from(
    line: str, message: str, tmp_path: Path
) -> None:
    assert message in refusal(tmp_path, parameter(line, "random"), count=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method: grid\nparameters: {}", "parameters = {} is not a mapping"),
        ("method: grid\nparameters:", "parameters = None is not a mapping"),
        ("method: [grid]\nparameters: {seed: {value: 0}}", "method = ['grid']"),
        ("run_cap: 0\nmethod: grid\nparameters: {seed: {value: 0}}", "run_cap = 0"),
        ("run_cap: true\nmethod: grid\nparameters: {seed: {value: 0}}", "run_cap = True"),
        (
            "command: [[a]]\nmethod: grid\nparameters: {seed: {value: 0}}",
            "not a string or a number",
        ),
        ("off: 1\nmethod: grid\nparameters: {seed: {value: 0}}", "key 'off' is not text"),
        ("metric: 3\nmethod: grid\nparameters: {seed: {value: 0}}", "metric = 3 is not"),
        (
            "metric: {name: x, goal: no}\nmethod: grid\nparameters: {seed: {value: 0}}",
            "unknown goal of metric False",
        ),
        (b"method: \xff", "not UTF-8 text (byte 8)"),
        ("a: [", "not YAML (line 2, column 1"),
        ("a: 1\n\0", "not YAML"),
    ],
)
def test_a_file_is_checked_before_it_is_used(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    assert message in refusal(tmp_path, text)


@pytest.mark.parametrize("method", ["grid\nrun_cap: 1", "random\nrun_cap: 1"])
def test_a_value_that_no_run_gets_is_checked_too(method: str, tmp_path: Path) -> None:
    text = refusal(tmp_path, parameter("seed: {values: [0, 1, -1]}", method))
    assert "seed = -1" in text


def bomb(use: str) -> str:
    """Thirty short lines that expand to ten to the power of 29 words."""
    lines = [f"  a{n}: &a{n} [{', '.join(10 * [f'*a{n - 1}'])}]" for n in range(1, 30)]
    return "\n".join(["extra:", "  a0: &a0 [x]", *lines, use])


@pytest.mark.parametrize(
    "use",
    [
        parameter("seed: {value: *a29}"),
        parameter("seed: {distribution: *a29}"),
        parameter("seed: {min: *a29, max: 3}"),
        parameter("seed: *a29"),
        parameter("cell: {values: *a29}"),
        f"name: *a29\n{parameter('seed: {value: 0}')}",
        f"command: [*a29]\n{parameter('seed: {value: 0}')}",
        f"run_cap: *a29\n{parameter('seed: {value: 0}')}",
        parameter("seed: {min: 0, max: 99999}\n  max_steps: {min: 1, max: 100000}"),
        parameter("seed: {min: -9223372036854775808, max: 9223372036854775807}"),
        f"? *a29\n: 1\n{parameter('seed: {value: 0}')}",
    ],
)
def test_what_multiplies_is_refused_at_once(use: str, tmp_path: Path) -> None:
    began = time.process_time()
    assert len(refusal(tmp_path, bomb(use))) < LINE
    assert time.process_time() - began < 5


def test_merge_keys_do_not_multiply(tmp_path: Path) -> None:
    keys = ", ".join(f"x{number}: 1" for number in range(900))
    text = f"a: &a {{{keys}}}\nb: {{<<: [{', '.join(1000 * ['*a'])}]}}\n"
    assert "merges more than" in refusal(tmp_path, text)


def test_a_sweep_has_a_limit_of_cells_that_is_said(tmp_path: Path) -> None:
    text = refusal(tmp_path, parameter(f"seed: {{min: 0, max: {CELLS}}}"))
    assert "100,001 cells; a sweep has at most 100,000" in text
    text = refusal(tmp_path, parameter("seed: {min: 0, max: 9}", "random"), CELLS + 1)
    assert "100,001 cells" in text


@pytest.mark.parametrize("kind", ["fifo", "folder", "large", "device", "missing"])
@pytest.mark.parametrize("verb", ["sweep", "missing", "train"])
def test_only_a_small_regular_file_is_read(
    kind: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "x"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(BYTES + 1)
    option = ["--config"] if verb == "train" else []
    assert main([verb, *option, str(path)]) == 2
    text = capsys.readouterr().err
    assert text.startswith(f"ablate: {path}: ")
    assert text.count("\n") == 1
    assert ("larger than 2 MB" if kind == "large" else "cannot be read") in text


def test_plain_yaml_still_means_what_it_meant(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(
        b"\xef\xbb\xbfbase: &base {lr: 0.1, seed: 1}\r\n"
        b"run: {<<: *base, seed: 2, 'on': yes}\r\nagain: [*base, ~, 1_000]\r\n"
    )
    base = {"lr": 0.1, "seed": 1}
    assert read_yaml(path) == {
        "base": base,
        "run": {"lr": 0.1, "seed": 2, "on": True},
        "again": [base, None, 1000],
    }


def test_a_flag_overrides_a_cell_of_the_configuration_file(tmp_path: Path) -> None:
    from argparse import Namespace

    from lightning_modules.verbs.train import run_config

    path = tmp_path / "cell.json"
    path.write_text('{"cell": {"seed": 1, "block": "se"}}')
    assert run_config(Namespace(config=path, seed=2)) == RunConfig(seed=2, block="se")
