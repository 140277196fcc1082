"""A sweep file means the same grid everywhere, and mistakes in it are named."""

from pathlib import Path

import pytest

from ablations.errors import InputError
from ablations.run_config import RunConfig
from sweeps.study.study import PlannedRun
from sweeps.study.sweep_file import load_study
from tests.planned_runs import configs

HEAD = "method: grid\n"


def sweep_file(folder: Path, text: str) -> Path:
    path = folder / "small.yaml"
    path.write_text(text)
    return path


def test_runs_are_the_product_with_the_last_name_fastest(tmp_path: Path) -> None:
    parameters = "parameters:\n  seed: {values: [0, 1]}\n  block: {values: [se, none]}\n"
    study = load_study(sweep_file(tmp_path, HEAD + parameters))
    cells = [(config.block, config.seed) for config in configs(study)]
    assert study.name == "small"
    assert cells == [("se", 0), ("se", 1), ("none", 0), ("none", 1)]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("  blok: {value: se}", "did you mean 'block'"),
        ("  lr: {value: 1e-4}", r"lr = '1e-4'.*valid number; .*write 1\.0e-4$"),
        ("  seed: {values: [0, -1]}", "seed = -1.*greater than or equal to 0"),
        ("  seed: {values: []}", "values = \\[\\] is not a list"),
        ("  seed: 3", "parameter seed: needs"),
        ("  seed: {value: 0, valeus: 1}", "constant does not take 'valeus'"),
        ("  lr: {min: 0.1, max: 1.0}", "a grid needs value, .* not uniform"),
        ("  lr: {distribution: unifrom}", "did you mean 'uniform'"),
        ("  seed: {values: [0, 1, 0]}", "cells 1 and 3 are the same run"),
        ("  seed: {value: 0}\n  seed: {value: 1}", "duplicate key seed"),
        ("  augment: {value: 'yes'}", "augment = 'yes'"),
        ("  max_steps: {value: 1.5}", "max_steps = 1.5"),
        ("  optimizer: {value: adam}", "'sgd' or 'adamw'"),
    ],
)
def test_a_mistake_in_a_parameter_is_named(
    tmp_path: Path, parameters: str, message: str
) -> None:
    path = sweep_file(tmp_path, f"{HEAD}parameters:\n{parameters}\n")
    with pytest.raises(InputError, match=message):
        load_study(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "not a sweep file"),
        ("", "not a sweep file"),
        ("a: [", "not YAML"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("method: bayes\nparameters: {seed: {value: 0}}", "'bayes'"),
        (
            HEAD + "paramters: {}\nparameters: {seed: {value: 0}}",
            "did you mean 'parameters'",
        ),
    ],
)
def test_what_is_no_grid_sweep_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_study(sweep_file(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml: cannot be read"):
        load_study(tmp_path / "nowhere.yaml")


def test_a_random_search_is_the_same_whenever_it_is_started(tmp_path: Path) -> None:
    parameters = (
        "method: random\nparameters:\n"
        "  lr: {distribution: log_uniform_values, min: 1.0e-4, max: 0.1}\n"
        "  seed: {min: 0, max: 99}\n  block: {values: [none, se]}\n"
    )
    path = sweep_file(tmp_path, parameters)
    five, eight = configs(load_study(path, 5)), configs(load_study(path, 8))
    assert eight[:5] == five
    assert len(set(eight)) == 8
    assert all(1e-4 <= config.lr <= 0.1 and config.seed < 100 for config in eight)
    with pytest.raises(InputError, match="--count"):
        load_study(path)


def test_planned_runs_of_one_configuration_are_one_run() -> None:
    config = RunConfig(lr=10.0)
    whole, rounded = PlannedRun({"lr": 10.0}, config), PlannedRun({"lr": 10}, config)
    assert {whole, rounded, PlannedRun({"lr": 10}, RunConfig())} == {
        whole,
        PlannedRun({}, RunConfig()),
    }
