"""The flags of `ablate sweep` follow from EXECUTORS: each is defined once, in a model."""

import argparse
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from ablations.cli import create_parser, main
from ablations.errors import InputError
from ablations.model_options import add_flags, from_options, option_fields
from ablations.option_types import Reading, positive
from ablations.run_config import RunConfig
from lightning_modules.execution import Accelerator, Execution, with_defaults
from sweeps.display import Display
from sweeps.executor_options import chosen_options
from sweeps.executors import EXECUTORS, Executor
from sweeps.local.resources import Resources
from sweeps.outcome import Summary
from sweeps.slurm.allocation import Allocation
from sweeps.study.study import Launch

SMOKE = str(Path(__file__).parents[1] / "sweeps" / "smoke.yaml")


def options(*words: str) -> Any:
    """The options that the chosen executor receives from a command line."""
    arguments = ["sweep", SMOKE, *words]
    return chosen_options(create_parser(arguments).parse_args(arguments))


@pytest.mark.parametrize("name", EXECUTORS)
def test_without_flags_an_executor_has_the_defaults_of_its_model(name: str) -> None:
    assert options("--executor", name) == EXECUTORS[name].options()


def test_flags_become_fields() -> None:
    assert options("--jobs", "2", "--gpus", "0,1", "--timeout", "9") == Resources(
        jobs=2, gpus=("0", "1"), timeout=9
    )
    more = ["--sbatch", "mem=16G", "--sbatch", "account=me", "--sbatch", "mem=16G"]
    allocation = options("--executor", "slurm", "--minutes", "5", "--jobs", "3", *more)
    assert allocation == Allocation(
        minutes=5, jobs=3, sbatch=(("mem", "16G"), ("account", "me"))
    )


def test_the_jobs_of_a_cluster_are_many_unless_a_number_is_given() -> None:
    assert (options().jobs, options("--executor", "slurm").jobs) == (1, 256)


def test_gpus_select_the_accelerator() -> None:
    assert Resources().accelerator("auto") == "auto"
    assert Resources(gpus=("0",)).accelerator("auto") == "gpu"
    assert Allocation(gpus_per_run=1).accelerator("auto") == "gpu"
    with pytest.raises(InputError, match="--gpus has no effect with --accelerator cpu"):
        Resources(gpus=("0",)).accelerator("cpu")


class Lamps(BaseModel):
    """The options of an executor that only this test has."""

    lamps: Annotated[int, Reading(positive, "N")] = Field(3, description="lamps to light")

    def accelerator(self, accelerator: Accelerator) -> Accelerator:
        return accelerator


def test_a_further_executor_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def light(
        runs: list[Any], launch: Launch, execution: Execution, lit: Lamps, display: Display
    ) -> Summary:
        return Summary(recorded=0, finished=lit.lamps, waiting=len(runs))

    monkeypatch.setitem(EXECUTORS, "lamps", Executor("a row of lamps", Lamps, light))
    command = ["sweep", SMOKE, "--runs", str(tmp_path)]
    assert main([*command, "--executor", "lamps", "--lamps", "5"]) == 1
    assert "5 finished" in capsys.readouterr().out
    assert main([*command, "--lamps", "5"]) == 2
    assert "--lamps has no effect with --executor here" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["sweep", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "only with --executor lamps: --lamps N lamps to light (default: 3)" in text
    assert "lamps: a row of lamps" in text


@pytest.mark.parametrize("model", [RunConfig, Execution, Resources, Allocation])
def test_every_described_field_is_a_flag_that_is_absent_unless_given(
    model: type[BaseModel],
) -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, model)
    assert vars(parser.parse_args([])) == {}
    flags = {action.dest for action in parser._actions} - {"help"}
    assert flags == set(option_fields(model))
    assert from_options(model, {"not_a_field": 1}) == model()


def test_a_flag_overrides_the_sweep_file_and_that_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ABLATE_DATA", "of-the-environment")
    monkeypatch.setenv("WANDB_SWEEP_ID", "an agent's")
    nothing, flag = argparse.Namespace(), argparse.Namespace(wandb="disabled")
    defaults = {"wandb": "offline"}
    assert with_defaults(nothing).wandb == "online"
    assert with_defaults(nothing, defaults).wandb == "offline"
    assert with_defaults(flag, defaults).wandb == "disabled"
    assert with_defaults(nothing, defaults).data_folder == Path("of-the-environment")
    monkeypatch.delenv("WANDB_SWEEP_ID")
    assert from_options(Execution, vars(with_defaults(nothing))).wandb == "disabled"
