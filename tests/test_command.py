"""A sweep's command means the same here as to W&B's agent, or is refused by name."""

import time
from pathlib import Path
from typing import Any

import pytest

from ablations.cli import main
from ablations.errors import InputError
from ablations.run_folder import RunFolder
from sweeps.study.command import as_sent, expand, own_flags
from sweeps.study.sweep_file import load_study
from tests.planned_runs import configs
from tests.test_records import record

CELL = {"aug": False, "flip": True, "lr": 10.0, "name": None, "opt": {"kind": "sgd"}}
OWN = '[ablate, train, --study, small, --config, "${args_json_file}"'


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (
            "${args}",
            "--aug=False|--flip=True|--lr=10|--name=None|--opt={'kind': 'sgd'}",
        ),
        ("${args_no_boolean_flags}", "--flip|--lr=10|--name=None|--opt={'kind': 'sgd'}"),
        ("${args_no_hyphens}", "aug=False|flip=True|lr=10|name=None|opt={'kind': 'sgd'}"),
        (
            "${args_json}",
            '{"aug": false, "flip": true, "lr": 10, "name": null, "opt": {"kind": "sgd"}}',
        ),
        ("${args_json_file}", "cell.json"),
        ("${interpreter}", "python"),
        ("${env}", "/usr/bin/env"),
        ("${program}", "train.py"),
        ("${envvar:PLACE}/x", "here/x"),
        ("${envvar:NOWHERE}", "NOWHERE"),
        ("--file=${args_json_file}", "--file=${args_json_file}"),
    ],
)
def test_a_macro_is_expanded(
    item: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", "here")
    assert "|".join(expand([item], "train.py", CELL, "cell.json")) == words


def test_without_a_command_there_is_the_usual_one() -> None:
    words = ["/usr/bin/env", "python", "train.py", "--seed=3"]
    assert expand([], "train.py", {"seed": 3}, "") == words


def test_whole_numbers_arrive_without_a_point() -> None:
    cell = as_sent({"lr": [1.0, 0.5], "on": True, "far": {"x": -2.0}})
    assert repr(cell) == "{'lr': [1, 0.5], 'on': True, 'far': {'x': -2}}"


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("ablate train --lr 1", ["--lr", "1"]),
        ("${env} ${interpreter} -m ablations train", []),
        ("/usr/bin/env python3 ablations/__main__.py train -x", ["-x"]),
        ("${interpreter} ${program} train", []),
        ("${interpreter} -m ablations report", None),
        ("${env} X=1 python -m ablations train", None),
        ("bash wrap.sh ablate train", None),
    ],
)
def test_this_suites_own_training_is_recognised(
    command: str, flags: list[str] | None
) -> None:
    assert own_flags(command.split(), "/x/ablations/__main__.py") == flags


def sweep_file(folder: Path, command: str, **changes: Any) -> Path:
    path = folder / "small.yaml"
    path.write_text(
        f"method: grid\nparameters: {{seed: {{values: [0, 1]}}}}\ncommand: {command}\n"
        + "".join(f"{key}: {value}\n" for key, value in changes.items())
    )
    return path


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ('[python, x.py, "${arg}"]', "unknown macro 'arg'; did you mean 'args'?"),
        ('[python, x.py, "--file=${args_json_file}"]', "must be a separate item"),
        ("[python, x.py]", "no macro passes on the values"),
        ('[python, "${program}", "${args}"]', "stands for `program`"),
        ('[python, x.py, --seed=3, "${args}"]', "--seed would override the sweep's"),
        ("[ablate, train, --study, small]", "no macro passes on the values"),
        ('[ablate, train, --study, small, "${args}"]', "unrecognized arguments"),
        (
            '[ablate, train, --study, small, "${args_json_file}"]',
            "unrecognized arguments",
        ),
        ('[ablate, train, --config, "${args_json_file}"]', "--study single is not"),
        ('[ablate, train, --study, x, --config, "${args_json_file}"]', "--study x is not"),
        (f"{OWN}, --seed, 3]", "--seed would override the sweep's parameter seed"),
        (f"{OWN}, --lrr, 3]", "unrecognized arguments: --lrr"),
        (f"{OWN}, --lr, -1]", "lr = -1.0: Input should be greater than 0"),
        (f"{OWN}, --optimizer, adam]", "invalid choice: 'adam'"),
        (f"{OWN}, --placement, stagess]", "did you mean 'stages'"),
        ("text", "command = 'text' is not a list"),
    ],
)
def test_a_command_that_cannot_work_is_named(
    command: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sweep_file(tmp_path, command)
    assert main(["sweep", str(path), "--check", "--runs", str(tmp_path / "runs")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_program_of_this_suite_needs_its_verb(tmp_path: Path) -> None:
    path = sweep_file(tmp_path, "[]", program="ablations/__main__.py")
    with pytest.raises(InputError, match="needs the verb train"):
        load_study(path)


def test_flags_of_the_command_count_in_every_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = f"{OWN}, --placement, stages, --runs, elsewhere, --no-augment]"
    path = sweep_file(tmp_path, command)
    study = load_study(path)
    assert [
        (run.seed, run.placement, run.augment, run.block) for run in configs(study)
    ] == [
        (0, "stages", False, "none"),
        (1, "stages", False, "none"),
    ]
    assert list(study.runs())[1].cell == {"seed": 1}
    assert main(["sweep", str(path), "--check"]) == 0
    output = capsys.readouterr().out
    assert "small: 2 cells; seed swept" in output
    assert "for every cell: placement = stages" in output


def test_an_option_goes_before_the_commands_flag_and_that_before_the_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = sweep_file(tmp_path, f"{OWN}, --runs, elsewhere]")
    for config in configs(load_study(path)):
        record_path = RunFolder(tmp_path / "elsewhere" / "small", config).record
        record(config).write(record_path)
    assert main(["sweep", str(path), "--dry-run"]) == 0
    assert "2 runs: 2 finished" in capsys.readouterr().out
    assert main(["missing", str(path)]) == 0
    assert main(["sweep", str(path), "--dry-run", "--runs", "runs"]) == 0
    assert "2 runs: 2 waiting" in capsys.readouterr().out


def test_two_thousand_cells_are_checked_in_less_than_a_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = '[ablate, train, --study, big, --config, "${args_json_file}"]'
    path = tmp_path / "big.yaml"
    path.write_text(
        f"method: grid\ncommand: {command}\nparameters:\n"
        "  block: {values: [none, se, cbam, gc, da]}\n  seed: {min: 0, max: 399}\n"
    )
    assert main(["sweep", str(sweep_file(tmp_path, f"{OWN}]")), "--check"]) == 0  # imports
    began = time.process_time()
    assert main(["sweep", str(path), "--dry-run"]) == 0  # --check also looks at each block
    assert time.process_time() - began < 1
    assert "2000 runs: 2000 waiting" in capsys.readouterr().out
