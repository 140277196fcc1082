"""The same sweep file through W&B's own sweep and agent, read back as the same records."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ablations.errors import InputError
from ablations.records import read_records
from ablations.sweep_file import load_study
from tests.fake_wandb import FakeWandb

pytestmark = pytest.mark.slow

SMOKE = Path(__file__).parents[1] / "sweeps" / "smoke.yaml"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def agent_run(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[FakeWandb, Path]]:
    """The smoke study, carried out by one agent; the folder it ran in."""
    folder = tmp_path_factory.mktemp("agent")
    with FakeWandb() as server:
        environment = server.environment(folder)
        call(folder, environment, "wandb", "sweep", "--project", "smoke", str(SMOKE))
        [sweep] = server.sweeps()
        call(folder, environment, "wandb", "agent", sweep.path)
        yield server, folder


def call(folder: Path, environment: dict[str, str], *command: str) -> str:
    result = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_an_agent_leaves_the_records_of_the_embedded_runner(
    agent_run: tuple[FakeWandb, Path], tmp_path: Path
) -> None:
    _, folder = agent_run
    call(
        tmp_path,
        dict(os.environ),
        "ablate",
        "sweep",
        str(SMOKE),
        "--runs",
        str(tmp_path),
        "--accelerator",
        "cpu",
    )
    differing = {"train_seconds", "device"}
    by_agent = [
        r.model_dump(exclude=differing) for r in read_records(folder / "runs" / "smoke")
    ]
    embedded = [r.model_dump(exclude=differing) for r in read_records(tmp_path / "smoke")]
    assert by_agent == embedded
    assert len(by_agent) == 4


def test_w_and_b_shows_what_the_runs_did(agent_run: tuple[FakeWandb, Path]) -> None:
    server, folder = agent_run
    [sweep] = server.sweeps()
    runs = server.runs(sweep.name)
    assert [run.state for run in runs] == ["finished"] * 4
    miou = {record.config.run_id: record.miou for record in read_records(folder / "runs")}
    assert len(miou) == len(list(load_study(SMOKE).runs()))


def test_a_report_is_built_from_w_and_b(agent_run: tuple[FakeWandb, Path]) -> None:
    server, folder = agent_run
    [sweep] = server.sweeps()
    out = folder / "collected"
    page = call(
        folder,
        server.environment(folder),
        "ablate",
        "report",
        f"wandb:{sweep.path}",
        "--runs",
        str(out),
    )
    assert "4 finished runs" in page
    collected = sorted(
        read_records(next(out.iterdir())), key=lambda record: record.config.run_id
    )
    local = sorted(
        read_records(folder / "runs" / "smoke"), key=lambda record: record.config.run_id
    )
    assert collected == local


def test_an_address_that_is_none_is_refused() -> None:
    from sweeps.collect import collect

    with pytest.raises(InputError, match="ENTITY/PROJECT/SWEEP"):
        collect("wandb:../../etc", Path())
