"""A study's timings are whole, unchanged and of one device, and reports show no others."""

import json
from pathlib import Path
from typing import Any

import pytest
from pandas import read_csv

from ablations.documents import REMEDY, checksum
from ablations.errors import InputError
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from ablations.timings import (
    UNTIMED,
    NetworkTiming,
    Spread,
    StudyTimings,
    read_timings,
    save_timings,
    timed_network,
)
from reports.comparison import comparisons
from reports.page import Table
from reports.report import write_report
from reports.timings import study_page, timing_tables
from tests.test_records import record

CLASSES = 2  # of tests.test_records.record
TIMED = {
    "block", "placement", "init", "evaluation", "model", "encoder", "image_size",
    "batch_size", "freeze", "precision", "source", "channels_last", "compile",
}  # fmt: skip


def timing(
    config: RunConfig, latency: float = 0.02, problem: str = "", spread: float = 0.0015
) -> NetworkTiming:
    """Made-up figures: a batch takes twice, a step three times as long as an image."""

    def around(median: float) -> Spread:
        return Spread(lower=median - spread / 2, median=median, upper=median + spread / 2)

    return NetworkTiming(
        config=timed_network(config, CLASSES).config,
        classes=CLASSES,
        latency=around(latency),
        batch=around(2 * latency),
        step=None if problem else around(3 * latency),
        peak=None if problem else int(latency * 1e9),
        problem=problem,
    )


def timings(*networks: NetworkTiming, device: str = "Some CPU", threads: int = 3) -> Any:
    return StudyTimings(
        device=device,
        threads=threads,
        rounds=7,
        versions={"torch": "2.9"},
        commit="abc",
        networks=networks or (timing(RunConfig()), timing(RunConfig(block="se"), 0.05)),
    )


def tampered(folder: Path, change: dict[str, Any]) -> Path:
    """A file with other values and a checksum that fits them."""
    path = save_timings(timings(), folder)
    content = json.loads(path.read_text()) | change
    del content["sha256"]
    path.write_text(json.dumps(content | {"sha256": checksum(content)}))
    return path


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    save_timings(timings(), tmp_path / "study")
    assert list(read_timings(tmp_path)) == [timings()]


def test_the_source_of_a_block_is_read_as_it_was(tmp_path: Path) -> None:
    own = RunConfig(block="gone_file:Own", source="block=abcdef000000")
    save_timings(timings(timing(own)), tmp_path)
    [read] = read_timings(tmp_path)
    assert isinstance(read, StudyTimings)
    assert read.networks[0].config.source == "block=abcdef000000"


def test_a_repeat_replaces_the_file_of_its_device_and_no_other(tmp_path: Path) -> None:
    others = [timings(device="Another"), timings(threads=1), timings(device="Some*CPU")]
    paths = {save_timings(one, tmp_path) for one in [timings(), *others]}
    assert len(paths) == 4
    repeat = timings(timing(RunConfig(block="gc")))
    assert save_timings(repeat, tmp_path) in paths
    read = [one for one in read_timings(tmp_path) if isinstance(one, StudyTimings)]
    assert len(read) == 4
    assert repeat in read
    assert all(one in read for one in others)


@pytest.mark.parametrize("device", ["../../etc/x", "a/b", "\x1b[31m\n", "x" * 3000, "日本"])
def test_a_device_is_never_a_path(device: str, tmp_path: Path) -> None:
    path = save_timings(timings(device=device), tmp_path)
    assert path.parent == tmp_path
    assert len(path.name) < 100
    assert path.name.isascii()
    assert list(read_timings(tmp_path)) == [timings(device=device)]


FEW = {"lower": 0.3, "median": 0.2, "upper": 0.4}


def entry(**change: Any) -> dict[str, Any]:
    return {"networks": [timing(RunConfig()).model_dump(mode="json") | change]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2 cannot be read"),
        ({"device": ""}, "device = ''"),
        ({"threads": 0}, "threads = 0"),
        ({"rounds": True}, "rounds = True"),
        ({"networks": []}, "networks = "),
        ({"networks": [entry()["networks"][0]] * 2}, "a network is listed twice"),
        ({"colour": "red"}, "colour = 'red'"),
        ({"device": "Another"}, "belongs to bench-Another-3-"),
        (entry(latency=FEW), "the median is not between the quartiles"),
        (entry(latency=FEW | {"lower": -1.0}), "latency.lower = -1.0"),
        (entry(step=FEW | {"upper": float("nan")}), "step.upper = nan"),
        (entry(peak=None), "a figure is missing without a problem"),
        (entry(peak=1.5), "peak = 1.5"),
        (entry(config={"block": 3}), "config.block = 3"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tampered(tmp_path, change)
    [problem] = read_timings(tmp_path)
    assert isinstance(problem, InputError)
    assert str(problem).startswith(f"{path}: ")
    assert message in str(problem)
    assert str(problem).endswith(REMEDY)
    assert "\n" not in str(problem)


def test_every_key_of_a_run_is_known_to_decide_the_time_or_not() -> None:
    """A new key belongs to UNTIMED if it changes neither the network nor a step's work."""
    assert {*UNTIMED} | TIMED == {*RunConfig.model_fields}
    assert not {*UNTIMED} & TIMED


def test_runs_that_differ_in_data_schedule_or_seed_share_a_network() -> None:
    config = RunConfig(block="se", source="block=aa,dataset=bb")
    other = config.model_copy(
        update={"seed": 4, "lr": 0.5, "max_steps": 9, "dataset": "voc2012"}
        | {"source": "block=aa,dataset=cc", "encoder_weights": "imagenet"}
        | {"encoder_lr_factor": 0.5, "repeat": 2}
    )
    assert timed_network(config, 5) == timed_network(other, 5)
    assert timed_network(config, 5) != timed_network(config, 6)
    for change in (
        {"batch_size": 7},
        {"placement": "stages"},
        {"evaluation": "direct"},
        {"source": "block=dd"},
        {"source": "block=aa,placement=bb"},
        {"init": "identity"},
        {"freeze": "encoder"},
        {"precision": "bf16-mixed"},
    ):
        other = config.model_copy(update=change)
        assert timed_network(config, 5) != timed_network(other, 5)


def test_the_baseline_of_a_network_is_the_same_wherever_its_blocks_are() -> None:
    source = {"source": "block=aa,placement=bb", "init": "identity"}
    one = RunConfig(block="se", placement="stages", image_size=48).model_copy(update=source)
    two = RunConfig(block="none", image_size=48, evaluation="direct", seed=3)
    assert timed_network(one, 5).baseline == timed_network(two, 5)


def records(*blocks: str, **keys: Any) -> list[RunRecord]:
    configs = [RunConfig(block=block, **keys) for block in blocks]
    return [record(config) for config in configs]


def tables_of(runs: list[RunRecord], *measured: StudyTimings) -> list[Table]:
    [comparison] = comparisons(runs)
    parts = timing_tables(comparison, measured, "comparison")
    return [part for part in parts if isinstance(part, Table)]


def test_figures_are_in_base_units_beside_their_ratio_to_the_baseline() -> None:
    [table] = tables_of(records("none", "se", "gc", batch_size=6), timings(
        timing(RunConfig(block="se", batch_size=6), 0.05),
        timing(RunConfig(batch_size=6)),
        timing(RunConfig(block="se", batch_size=8), 0.07),
    ))  # fmt: skip
    rows = table.numbers.set_index("block")
    assert list(rows.index) == ["none", "se"]  # gc was not timed
    se = rows.loc["se"]
    assert se["latency"] == 0.05
    assert se["latency_iqr"] == pytest.approx(0.0015)
    assert se["images_per_second"] == pytest.approx(6 / (2 * 0.05))
    assert se["step"] == pytest.approx(0.15)
    assert se["peak"] == 50_000_000
    for name in ("latency", "step", "peak"):
        assert se[f"{name}_ratio"] == pytest.approx(0.05 / 0.02)
        assert rows.loc["none", f"{name}_ratio"] == 1
    assert table.caption == (
        "Time and memory on Some CPU, 3 CPU threads, torch 2.9, 7 rounds, commit abc"
    )


def test_each_device_has_a_table_whose_ratios_are_its_own() -> None:
    gpu = timings(
        timing(RunConfig(), 0.01), timing(RunConfig(block="se"), 0.03), device="Some GPU"
    )
    tables = tables_of(records("none", "se"), timings(), gpu)
    assert [table.name for table in tables] == [
        "comparison-timings",
        "comparison-timings-2",
    ]
    assert [table.numbers["latency_ratio"].tolist()[1] for table in tables] == [
        pytest.approx(2.5),
        pytest.approx(3),
    ]


def test_a_network_without_its_baseline_has_no_ratio() -> None:
    [table] = tables_of(records("none", "se"), timings(timing(RunConfig(block="se"))))
    assert table.numbers["latency_ratio"].isna().all()


def test_a_network_that_failed_has_its_reason_in_place_of_figures() -> None:
    lost = timing(RunConfig(block="se"), problem="a training step: no memory")
    [table] = tables_of(records("none", "se"), timings(timing(RunConfig()), lost))
    row = table.numbers.set_index("block").loc["se"]
    assert row["latency_ratio"] == 1
    assert row[["step", "step_ratio", "peak", "peak_ratio"]].isna().all()
    assert row["problem"] == "a training step: no memory"
    assert list(table.notes) == [
        "SE was not measured completely: a training step: no memory"
    ]


def test_times_that_vary_between_rounds_are_pointed_out() -> None:
    """0.005 s is more than a tenth of 0.02 and 0.04, but not of 0.06, 0.1 and 0.15."""
    noisy = timings(timing(RunConfig(), spread=0.005), timing(RunConfig(block="se"), 0.05))
    [table] = tables_of(records("none", "se"), noisy)
    [note] = table.notes
    assert note.startswith("Unsteady: the interquartile range of 2 of the 6 times is more")
    [steady] = tables_of(records("none", "se"), timings())
    assert steady.notes == []


def test_versions_of_a_block_are_timed_apart() -> None:
    sources = ["block=aaaaaa000000", "block=bbbbbb000000"]
    own = [RunConfig(block="my_file:Own", source=source) for source in sources]
    runs = [record(config) for config in [RunConfig(), *own]]
    [table] = tables_of(runs, timings(timing(own[0], 0.03), timing(own[1], 0.04)))
    rows = table.numbers.set_index("block")["latency"]
    assert rows.to_dict() == {"my_file:Own@aaaaaa": 0.03, "my_file:Own@bbbbbb": 0.04}


def test_the_page_of_a_study_names_what_distinguishes_its_networks() -> None:
    configs = [
        RunConfig(),
        RunConfig(block="se"),
        RunConfig(block="se", placement="stages"),
    ]
    page = study_page(timings(*map(timing, configs)))
    [table] = page.tables
    assert [column.name for column in table.columns][:3] == [
        "block",
        "placement",
        "latency",
    ]
    assert table.numbers["placement"].fillna("").tolist() == ["", "residual", "stages"]


def test_baselines_of_several_sizes_are_told_apart() -> None:
    configs = [RunConfig(image_size=size) for size in (32, 48)]
    [table] = study_page(timings(*map(timing, configs))).tables
    assert [column.name for column in table.columns][:2] == ["block", "image_size"]
    assert table.numbers["latency_ratio"].tolist() == [1, 1]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A baseline and a block with records."""
    monkeypatch.setattr("reports.section.pictures", lambda *arguments: [])
    for one in records("none", "se"):
        one.write(RunFolder(tmp_path / "runs", one.config).record)
    return tmp_path / "runs"


def test_without_timings_a_report_has_no_columns_for_them(
    runs: Path, tmp_path: Path
) -> None:
    page = write_report(runs, tmp_path / "out").page.read_text()
    assert "One image" not in page
    assert "latency" not in (tmp_path / "out" / "comparison.csv").read_text()


def test_the_timings_of_other_networks_fill_no_column(runs: Path, tmp_path: Path) -> None:
    save_timings(timings(timing(RunConfig(block="se", image_size=48))), runs)
    page = write_report(runs, tmp_path / "out").page.read_text()
    assert "One image" not in page


def test_a_report_shows_latency_beside_accuracy(runs: Path, tmp_path: Path) -> None:
    save_timings(timings(), runs)
    page = write_report(runs, tmp_path / "out").page.read_text()
    assert "One image: Some CPU, 3 CPU threads, torch 2.9" in page
    assert "Time and memory on Some CPU" in page
    numbers = read_csv(tmp_path / "out" / "comparison.csv").set_index("block")
    assert numbers.loc["se", "latency_ratio"] == pytest.approx(2.5)
    figures = read_csv(tmp_path / "out" / "comparison-timings.csv").set_index("block")
    assert figures.loc["se", "step"] == pytest.approx(0.15)


def test_with_several_devices_each_has_a_table_only(runs: Path, tmp_path: Path) -> None:
    save_timings(timings(), runs)
    save_timings(timings(device="Some GPU"), runs)
    page = write_report(runs, tmp_path / "out").page.read_text()
    assert "Time and memory on Some CPU" in page
    assert "Time and memory on Some GPU" in page
    assert "latency" not in (tmp_path / "out" / "comparison.csv").read_text()


@pytest.mark.parametrize("content", ["", "{}", "<b>", '{"sha256": "x"}', "\x00"])
def test_a_damaged_file_is_named_and_the_report_goes_on(
    content: str, runs: Path, tmp_path: Path
) -> None:
    save_timings(timings(), runs)
    (runs / "bench-broken.json").write_text(content)
    report = write_report(runs, tmp_path / "out")
    page = report.page.read_text()
    assert "**Timings that cannot be read:**" in page
    assert "bench-broken.json: " in page
    assert "Time and memory on Some CPU" in page


def test_odd_devices_and_problems_are_text_in_a_report(runs: Path, tmp_path: Path) -> None:
    odd = "<script>alert(1)</script> | x | \x1b[31m [a](javascript:b)"
    lost = timing(RunConfig(block="se"), problem=odd)
    save_timings(timings(timing(RunConfig()), lost, device=odd), runs)
    page = write_report(runs, tmp_path / "out").page.read_text()
    assert "<script" not in page
    assert "](javascript" not in page
    assert all(sign.isprintable() for sign in page.replace("\n", ""))
