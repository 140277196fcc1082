"""A program here receives its cell in the same way as from W&B's agent."""

import json
from pathlib import Path
from typing import Any

import pytest

from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from sweeps.local.command import call, environment, set_variables, write_cell
from sweeps.study.command import expand
from sweeps.study.grid import grid
from sweeps.study.study import Study
from tests.wandb_workplace import Workplace

SHOW = """
import json, sys
from pathlib import Path
import wandb

words = [
    Path(word).read_text() if word.endswith(".json") else word for word in sys.argv[1:]
]
with wandb.init() as run:
    config = {key: value for key, value in run.config.items() if key != "_wandb"}
seen = Path(__file__).with_name("seen")
with seen.open("a") as file:
    print(json.dumps({"words": words, "config": config}), file=file)
"""

PARAMETERS: dict[str, Any] = {
    "whole": {"value": 10.0},
    "lr": {"values": [0.1, 1.0e-5]},
    "flip": {"values": [True, False]},
    "name": {"value": None},
    "text": {"value": "a b"},
    "opt": {
        "parameters": {
            "kind": {"value": "sgd"},
            "decay": {"parameters": {"rate": {"value": 2.0}}},
        }
    },
    "sizes": {"value": [1, 2.0, "x"]},
}
EVERY_FORM = [
    "${env}", "${interpreter}", "${program}", "${args}", "-", "${args_no_boolean_flags}",
    "-", "${args_no_hyphens}", "-", "${args_no_equals}", "-", "${args_json}",
    "${args_json_file}", "${args_append_hydra}", "${args_override_hydra}",
    "in ${envvar:PLACE}", "${envvar:NOWHERE}", "--in=${args}", 3,
]  # fmt: skip


def output_of_program(place: Workplace) -> list[Any]:
    """What the program saw since the last call, in a fixed order."""
    file = place.folder / "seen"
    lines = file.read_text().splitlines()
    file.unlink()
    return [json.loads(line) for line in sorted(lines)]


def run_here(place: Workplace, program: str, study: Study) -> None:
    """Runs every cell, as `ablate sweep` does for a program other than this suite's own."""
    launch = study.launch(place.folder / "runs")
    for number, cell in enumerate(grid(study.parameters)):
        folder = RunFolder(launch.study_folder, RunConfig(seed=number))
        write_cell(cell, folder)
        set_variables(environment(launch, folder, "offline"))
        words = expand(study.command, program, cell, str(folder.cell_json))
        assert call(words) == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", [EVERY_FORM, []], ids=["every-form", "usual"])
def test_words_and_configuration_are_those_of_the_agent(
    command: list[object], place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = str(place.folder / "show.py")
    Path(program).write_text(SHOW)
    settings = {"program": program, "parameters": PARAMETERS}
    sweep = place.register(settings | ({"command": command} if command else {}))
    place.run("wandb", "agent", sweep.path, PLACE="here")
    by_agent = output_of_program(place)

    for name, value in place.environment({"PLACE": "here"}).items():
        monkeypatch.setenv(name, value)
    words = tuple(str(item) for item in command)
    run_here(place, program, Study(name="s", parameters=PARAMETERS, command=words))
    assert output_of_program(place) == by_agent
    assert len(by_agent) == 4
    assert {line["config"]["whole"] for line in by_agent} == {10}
