"""A run of `ablate sweep` has the same environment as a child of W&B's agent."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ablations.cli import main
from ablations.records import Failure
from ablations.run_folder import RunFolder, read_records
from sweeps.local.command import as_child, call
from sweeps.study.study import Study
from sweeps.study.sweep_file import load_study
from tests.planned_runs import configs
from tests.states import PATIENCE, wait_until
from tests.test_records import record

STUDY = Study(
    name="small",
    parameters={"lr": {"value": 10.0}, "seed": {"values": [0, 1]}},
    project="attention",
)

# Leaves a record if seed is 0, and otherwise fails in the way that its seed selects.
WRITES = """
import json, os, sys
from pathlib import Path
from ablations.run_config import (RunConfig)
from tests.states import PATIENCE, wait_until
from tests.test_records import record
cell = json.loads(Path(sys.argv[1]).read_text())
print("at work on", cell)
config = RunConfig.parse(cell)
if config.seed == 0:
    folder = Path(os.environ["ABLATE_RUNS"], "own", config.run_id)
    record(config).write(folder / "record.json")
sys.exit(config.seed % 2 and 3)
"""


def test_the_environment_is_that_of_an_agents_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "outer")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    run = list(STUDY.runs())[1]
    folder = RunFolder(tmp_path, run.config).path
    folder.mkdir()
    before = dict(os.environ)
    with as_child(run, STUDY.launch(tmp_path), "offline"):
        assert "WANDB_SWEEP_ID" not in os.environ
        assert os.environ["WANDB_RUN_ID"] == f"small-{run.config.run_id[-10:]}"
        assert os.environ["WANDB_RUN_GROUP"] == "small"
        assert os.environ["WANDB_PROJECT"] == "attention"
        assert os.environ["WANDB_MODE"] == "offline"
        cell = Path(os.environ["WANDB_SWEEP_PARAM_PATH"])
        assert yaml.safe_load(cell.read_text()) == {
            "wandb_version": 1,
            "lr": {"value": 10},
            "seed": {"value": 1},
        }
        assert json.loads(cell.with_suffix(".json").read_text()) == {"lr": 10, "seed": 1}
    assert dict(os.environ) == before


@pytest.mark.slow
def test_another_program_is_a_child_and_its_record_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    (tmp_path / "own.py").write_text(WRITES)
    sweep = {
        "name": "own",
        "method": "grid",
        "program": str(tmp_path / "own.py"),
        "command": ["${env}", "${interpreter}", "${program}", "${args_json_file}"],
        "parameters": {"seed": {"values": [0, 1, 2]}},
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(sweep))
    command = ["sweep", str(tmp_path / "own.yaml"), "--runs", str(tmp_path / "runs")]
    assert main(command) == 1
    assert "1 finished, 0 had a record, 2 failed" in capsys.readouterr().out
    zero, one, two = configs(load_study(tmp_path / "own.yaml"))
    folder = tmp_path / "runs" / "own"
    assert list(read_records(folder)) == [record(zero)]
    for config, code in ((one, 3), (two, 0)):
        failure = Failure.read(RunFolder(folder, config).failure)
        assert failure.reason == f"the command exited with code {code} and left no record"
        assert "at work on" in failure.log


def test_a_command_ends_with_the_process_that_waits_for_it(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    child = f"import os, time; open({str(alive)!r}, 'w').write(str(os.getpid()))"
    words = [sys.executable, "-c", child + f"; time.sleep({PATIENCE})"]
    parent = subprocess.Popen(
        [sys.executable, "-c", f"from sweeps.local.command import call; call({words!r})"]
    )
    wait_until(lambda: alive.exists() and alive.read_text())
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(PATIENCE) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int(alive.read_text()), 0)


def test_python_is_this_python(capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["/usr/bin/env", "python", "-c", "import sys; print(sys.prefix)"]) == 0
    assert capfd.readouterr().out.strip() == sys.prefix
