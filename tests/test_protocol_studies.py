"""The studies of published protocols, and of every block, are what their heads say."""

import csv
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from ablations.attention import BLOCKS
from ablations.cli import main
from ablations.complexity.subjects import ModelCounts, Setting
from ablations.contract import Size
from ablations.models import check_training, network_of
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import read_records
from ablations.yaml_file import read_yaml
from lightning_modules.data import count_classes
from reports.comparison import comparisons
from reports.views import View, completed, view_table
from sweeps.study.sweep_file import load_study
from tests.fake_data import fake_cityscapes, fake_trainaug
from tests.planned_runs import configs
from tests.test_sweep import SWEEPS
from tests.test_views import scored

PSA = "psa_parallel_code"
PARAMS, MACS = f"matched_params({PSA})", f"matched_macs({PSA})"
CELLS = ["none", PSA, "psa_parallel", PARAMS, MACS]
SEEDS = [0, 1, 2]
DEPTHS = {64: 3, 128: 4, 256: 6, 512: 3}  # bottlenecks of ResNet-50, by their channels


class Claim(NamedTuple):
    """What a study of a protocol is about, and the twin of its data set."""

    protocol: str
    dataset: str
    strides: tuple[int, int, int, int]  # of the 3x3 convolutions' outputs, by stage
    twin: Callable[[Path], Path]
    reduced: Mapping[str, Any]  # values for a run of seconds


SECONDS = {
    "encoder": "resnet18", "encoder_weights": None, "batch_size": 2, "max_steps": 3,
    "validations": 2,
}  # fmt: skip
CLAIMS = {
    "voc2012": Claim(
        "psa-voc",
        "voc2012(train='trainaug')",
        (4, 8, 16, 16),
        fake_trainaug,
        SECONDS | {"image_size": 33},
    ),
    "cityscapes": Claim(
        "mmseg-cityscapes",
        "cityscapes",
        (4, 8, 8, 8),
        fake_cityscapes,
        SECONDS | {"image_size": 64},
    ),
}


def runs_of(name: str) -> list[RunConfig]:
    return configs(load_study(SWEEPS / f"{name}.yaml"))


def reduced(name: str, values: Mapping[str, Any], folder: Path) -> Path:
    """The sweep file with other values of some parameters, for a run of seconds."""
    content: Any = read_yaml(SWEEPS / f"{name}.yaml")
    for key, value in values.items():
        spec = {"values": value} if isinstance(value, list) else {"value": value}
        content["parameters"][key] = spec
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def carried_out(path: Path, folder: Path, *more: str) -> list[RunRecord]:
    """The records of a study, whose report is then in its folder of runs."""
    runs = folder / "runs"
    command = ["sweep", str(path), "--runs", str(runs), "--accelerator", "cpu"]
    assert main([*command, "--data-folder", str(folder)]) == 0
    study_folder = runs / path.stem
    assert main(["report", str(study_folder), "--sweep", str(path), *more]) == 0
    return list(read_records(study_folder))


# The protocols.


@pytest.mark.parametrize("name", CLAIMS)
def test_a_study_is_its_protocol_with_psa_and_controls_in_every_bottleneck(
    name: str,
) -> None:
    """Equal to the protocol's own runs, so no value of it is overridden."""
    claim = CLAIMS[name]
    runs = runs_of(name)
    assert runs == [
        RunConfig(protocol=claim.protocol, block=block, placement="residual", seed=seed)
        for block, seed in product(CELLS, SEEDS)
    ]
    assert {run.dataset for run in runs} == {claim.dataset}


@pytest.mark.parametrize("name", CLAIMS)
def test_every_network_of_a_study_can_be_trained(name: str) -> None:
    for run in runs_of(name)[:: len(SEEDS)]:
        check_training(network_of(run, count_classes(run.dataset)))


def counts(name: str) -> dict[str, tuple[int, int]]:
    """Parameters and multiply-adds as published, by the block of a study's cells."""
    found = {}
    for run in runs_of(name)[:: len(SEEDS)]:
        network = network_of(run, count_classes(run.dataset))
        setting = Setting(network.bare, run.placement, network.size)
        cost = ModelCounts(run.block, "direct", setting).cost
        assert cost.macs is not None
        found[run.block] = cost.params, cost.macs
    return found


def half_a_width(size: Size, strides: tuple[int, ...]) -> tuple[int, int]:
    """A control's largest error: C parameters and C N multiply-adds at each bottleneck."""
    sites = [
        (channels, -(-size[0] // stride) * -(-size[1] // stride), depth)
        for (channels, depth), stride in zip(DEPTHS.items(), strides, strict=True)
    ]
    return (
        sum(channels * depth for channels, _, depth in sites),
        sum(channels * positions * depth for channels, positions, depth in sites),
    )


@pytest.mark.parametrize("name", CLAIMS)
def test_controls_cost_what_psa_costs_at_the_size_of_the_protocol(name: str) -> None:
    found, side = counts(name), RunConfig(protocol=CLAIMS[name].protocol).image_size
    bounds = half_a_width((side, side), CLAIMS[name].strides)
    assert abs(found[PARAMS][0] - found[PSA][0]) <= bounds[0]
    assert abs(found[MACS][1] - found[PSA][1]) <= bounds[1]
    added = [found[PSA][index] - found["none"][index] for index in (0, 1)]
    assert bounds[0] < 0.002 * added[0]
    assert bounds[1] < 0.02 * added[1]


def test_psa_on_voc_costs_what_the_paper_prints() -> None:
    """Table 3, ResNet-50: 39.8 and 42.3 M parameters, 62.5 and 65.2 G multiply-adds."""
    found = counts("voc2012")
    assert round(found["none"][0] / 1e6, 1) == 39.8
    assert round(found[PSA][0] / 1e6, 1) == 42.3
    assert (found[PSA][1] - found["none"][1]) / 1e9 == pytest.approx(65.2 - 62.5, abs=0.1)


@pytest.mark.parametrize("name", CLAIMS)
def test_without_the_data_a_check_says_so_in_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ABLATE_DATA", raising=False)
    command = ["sweep", str(SWEEPS / f"{name}.yaml"), "--check", "--accelerator", "cpu"]
    assert main(command) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"ablate: {name} needs the folder that holds ")
    assert "--data-folder" in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", CLAIMS)
def test_the_check_of_a_study_accepts_the_data(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    CLAIMS[name].twin(tmp_path)
    command = ["sweep", str(SWEEPS / f"{name}.yaml"), "--check", "--accelerator", "cpu"]
    assert main([*command, "--data-folder", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert f"networks: all {len(CELLS)} can be built" in output
    assert "no mistakes found" in output


@pytest.mark.slow
@pytest.mark.parametrize("name", CLAIMS)
def test_every_cell_of_a_study_trains_is_scored_and_reported(
    name: str, tmp_path: Path
) -> None:
    claim = CLAIMS[name]
    claim.twin(tmp_path)
    records = carried_out(reduced(name, claim.reduced, tmp_path), tmp_path)
    done = {(record.config.block, record.config.seed) for record in records}
    assert done == {*product(CELLS, SEEDS)}
    for record in records:
        assert record.config.protocol == claim.protocol
        assert [p["step"] for p in record.curve if p.get("val_miou") is not None] == [2, 3]
        assert 0 <= record.miou <= 1
    page = (tmp_path / "runs" / name / "report" / "report.md").read_text()
    assert f"protocol {claim.protocol}" in page
    for label in ("PSA (p), code", "PSA (p)", "Same params as PSA (p), code"):
        assert f"| {label} " in page


# Every block on real images.

FULL = "landcover_full"
CONTROLS = ["matched_params(psa_parallel)", "matched_macs(psa_parallel)"]
PLACEMENTS = ["last_feature", "stages@4"]
RATES = [0.001, 0.003, 0.01]
FOLDS = [f"landcover(fold={fold})" for fold in range(6)]
BEST_PER = ("block", "model", "placement", "init")


def test_every_block_is_at_both_places_from_both_starts_and_the_baseline_once() -> None:
    runs = runs_of(FULL)
    placed = [*BLOCKS, *CONTROLS][1:]
    starts = [("last_feature", "none", "plain")]
    starts += product(PLACEMENTS, placed, ["plain", "identity"])
    listed = dict.fromkeys((run.placement, run.block, run.init) for run in runs)
    assert list(listed) == starts
    axes = [(run.model, run.dataset, run.lr) for run in runs]
    assert {*axes} == {*product(["fpn", "unet"], ["landcover", *FOLDS[1:]], RATES)}
    assert len(runs) == len(starts) * len({*axes}) == 3060


def test_other_settings_are_those_of_the_small_study_with_larger_images() -> None:
    small, *_ = runs_of("landcover")
    changed = {"block", "placement", "init", "model", "dataset", "lr", "image_size"}
    for run in runs_of(FULL)[::100]:
        assert run.model_dump(exclude=changed) == small.model_dump(exclude=changed)
        assert run.image_size == 2 * small.image_size


# By block and start: validation and test mIoU at each rate, and which rate is the best.
FOUND = {
    ("none", "plain"): [(0.30, 0.50), (0.32, 0.41), (0.31, 0.60)],  # 0.003
    ("se", "plain"): [(0.35, 0.44), (0.31, 0.70), (0.30, 0.70)],  # 0.001
    ("se", "identity"): [(0.30, 0.70), (0.31, 0.70), (0.36, 0.45)],  # 0.01
}


def test_the_report_takes_each_rate_on_validation_and_shows_the_test_split() -> None:
    """SE at both places, beside the one baseline of a network and fold."""
    records = [
        scored(test, validation, block=block, init=init, placement=place, lr=lr)
        for (block, init), scores in FOUND.items()
        for place in (PLACEMENTS if block != "none" else PLACEMENTS[:1])
        for lr, (validation, test) in zip(RATES, scores, strict=True)
    ]
    view = View(("init", "block"), ("placement",), "gain", best_per=BEST_PER)
    table = view_table(records, completed(view, comparisons(records)))
    plain, identity = 0.44 - 0.41, 0.45 - 0.41
    for place in PLACEMENTS:
        gains = cells_by_start(table.numbers, f"placement={place}")
        assert gains == pytest.approx({"plain": plain, "identity": identity})


def cells_by_start(numbers: Any, column: str) -> dict[str, float]:
    return dict(zip(numbers["init"], numbers[column], strict=True))


PART = {
    "cell": [
        {"placement": "last_feature", "block": "none"},
        {"placement": "last_feature", "block": "se"},
        {"placement": "stages@4", "block": "se", "init": "identity"},
    ],
    "model": "fpn",
    "encoder_weights": None,
    "dataset": FOLDS[:2],
    "val_images": 5,
    "batch_size": 2,
    "max_steps": 2,
    "lr": RATES[1:],
}
VIEW = [
    "--rows", "block,init", "--columns", "model,placement", "--metric", "gain",
    "--best-per", ",".join(BEST_PER), "--pictures", "none",
]  # fmt: skip


def scored_at_best(records: list[RunRecord], block: str, place: str, fold: str) -> float:
    """The test mIoU at the rate with the best last validation."""
    rates = [
        record
        for record in records
        if (record.config.block, record.config.placement) == (block, place)
        and record.config.dataset == fold
    ]
    assert len(rates) == 2
    return max(rates, key=lambda record: record.curve[-1]["val_miou"]).miou


@pytest.mark.slow
def test_a_part_of_the_full_study_runs_and_is_reported_at_the_best_rate_of_each_fold(
    tmp_path: Path,
) -> None:
    records = carried_out(reduced(FULL, PART, tmp_path), tmp_path, *VIEW)
    assert len(records) == 3 * 2 * 2
    with (tmp_path / "runs" / FULL / "report" / "view.csv").open() as file:
        rows = {row["init"]: row for row in csv.DictReader(file)}
    for init, place in (("plain", "last_feature"), ("identity", "stages@4")):
        gains = [
            scored_at_best(records, "se", place, fold)
            - scored_at_best(records, "none", "last_feature", fold)
            for fold in ("landcover", FOLDS[1])
        ]
        cell = rows[init][f"model=fpn, placement={place}"]
        assert float(cell) == pytest.approx(sum(gains) / 2)
