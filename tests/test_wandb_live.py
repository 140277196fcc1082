"""The smoke study through W&B's own servers, only on request.

Needs ABLATIONS_LIVE_WANDB=1 and a key in WANDB_API_KEY. Leaves a sweep in the project
ablations-live-test of the key's default entity.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_wandb import FakeWandb

PROJECT = "ablations-live-test"
SMOKE = Path(__file__).parents[1] / "sweeps" / "smoke.yaml"


def call(folder: Path, environment: dict[str, str], *command: str) -> str:
    process = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout


def sweep_and_report(folder: Path, environment: dict[str, str]) -> str:
    """Report on the smoke study, after `wandb sweep` and `wandb agent`."""
    here = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment = environment | {"PATH": here, "WANDB_DIR": str(folder)}
    output = call(folder, environment, "wandb", "sweep", "--project", PROJECT, str(SMOKE))
    match = re.search(r"wandb agent (\S+/\S+/\w+)", output)
    assert match, output
    call(folder, environment, "wandb", "agent", match[1])
    report = ["report", f"wandb:{match[1]}", "--runs", "collected", "--wandb", "online"]
    return call(folder, environment, "ablations", *report)


@pytest.mark.slow
@pytest.mark.skipif(
    not ("WANDB_API_KEY" in os.environ and os.environ.get("ABLATIONS_LIVE_WANDB") == "1"),
    reason="speaks to W&B's servers only with WANDB_API_KEY and ABLATIONS_LIVE_WANDB=1",
)
def test_the_smoke_study_through_w_and_b_itself(tmp_path: Path) -> None:
    assert "4 of the 4 planned have a record" in sweep_and_report(tmp_path, {**os.environ})


@pytest.mark.slow
def test_the_same_steps_work_at_the_stand_in(tmp_path: Path) -> None:
    with FakeWandb() as server:
        page = sweep_and_report(tmp_path, server.environment(tmp_path))
        assert "4 of the 4 planned have a record" in page
        assert len(server.runs()) == 5  # and the report
