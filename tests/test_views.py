"""A view shows means over seeds, then over settings, as small records say by hand."""

import math
from pathlib import Path
from typing import Any

import pytest

from ablations.cli import main
from ablations.errors import InputError
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from reports.comparison import comparisons
from reports.page import Heading, Table, Text
from reports.view_metrics import METRICS, validation_miou
from reports.view_options import metrics
from reports.views import View, completed, default_of, parts_of, view_table
from reports.write import csv, latex, markdown
from tests.test_records import record


def run(miou: float, **keys: Any) -> RunRecord:
    return record(RunConfig.parse(keys), miou)


def scored(miou: float, validation: float, **keys: Any) -> RunRecord:
    """Scored on the test split, with this mIoU at its last validation."""
    one = run(miou, **keys)
    points = [{"step": 5, "val_miou": 0.99}, {"step": 9, "val_miou": validation}]
    config = one.config.model_copy(update={"score_on": "test"})
    update = {"config": config, "curve": points, "test_loss": 1.0}
    return one.model_copy(update=update)


def cells(table: Table, column: str) -> dict[Any, Any]:
    return dict(zip(table.numbers.iloc[:, 0], table.numbers[column], strict=True))


PLACES = [
    run(0.50, block="none", placement="residual", seed=0),
    run(0.40, block="none", placement="residual", seed=1),
    run(0.30, block="none", placement="stages", seed=0),
    run(0.53, block="se", placement="residual", seed=0),
    run(0.44, block="se", placement="residual", seed=1),
    run(0.29, block="se", placement="stages", seed=0),
    run(0.52, block="gc", placement="residual", seed=0),
    run(0.41, block="gc", placement="residual", seed=1),
    run(0.36, block="gc", placement="stages", seed=0),
]
GAIN = View(("block",), ("placement",), "gain")


def test_gains_by_placement_are_paired_by_seed_in_each_setting() -> None:
    table = view_table(PLACES, GAIN)
    assert cells(table, "placement=residual") == pytest.approx({"se": 0.035, "gc": 0.015})
    assert cells(table, "placement=stages") == pytest.approx({"se": -0.01, "gc": 0.06})
    assert [column.header for column in table.columns] == [
        "Block", "residual", "stages", "Average", "Best (of 2)", "Beats baseline (of 2)",
    ]  # fmt: skip
    assert table.caption == "Gain (points): block by placement"
    assert "Cells are means over 1 to 2 seeds." in table.notes


def test_averages_are_over_columns_and_wins_are_counted() -> None:
    table = view_table(PLACES, GAIN)
    assert cells(table, "average") == pytest.approx({"se": 0.0125, "gc": 0.0375})
    assert cells(table, "best_in") == {"se": 1, "gc": 1}
    assert cells(table, "better_in") == {"se": 1, "gc": 2}


def test_the_spread_and_the_seeds_of_a_cell_are_in_its_tip() -> None:
    tips = cells(view_table(PLACES, GAIN), "placement=residual: tip")
    spread = math.sqrt(2) * 0.5  # of 3 and 4 points
    assert tips["se"] == f"2 seeds, ± {spread:.2f}"
    assert cells(view_table(PLACES, GAIN), "placement=stages: tip")["se"] == "1 seed"


def test_other_numbers_show_the_baseline_and_lower_can_be_better() -> None:
    records = [one.model_copy(update={"params": n}) for n, one in enumerate(PLACES)]
    table = view_table(records, GAIN._replace(metric="params"))
    assert cells(table, "placement=residual") == {"none": 0.5, "se": 3.5, "gc": 6.5}
    assert cells(table, "best_in") == {"none": 2, "se": 0, "gc": 0}
    better = cells(table, "better_in")
    assert math.isnan(better.pop("none"))
    assert better == {"se": 0, "gc": 0}
    table = view_table(records, GAIN._replace(metric="miou"))
    assert cells(table, "better_in")["se"] == 1
    assert cells(table, "average")["none"] == pytest.approx((0.45 + 0.30) / 2)


def test_a_row_with_a_missing_cell_has_no_average() -> None:
    table = view_table([*PLACES, run(0.6, block="ea", placement="stages")], GAIN)
    assert math.isnan(cells(table, "placement=residual")["ea"])
    assert math.isnan(cells(table, "average")["ea"])
    assert cells(table, "average: tip")["ea"] == "of 1 of 2 columns"
    assert cells(table, "placement=residual: tip")["ea"] == "no run"
    assert cells(table, "best_in") == {"se": 1, "gc": 0, "ea": 1}


# Three seeds at one rate and one at the other: seeds must not weigh the settings.
RATES = [
    *(run(0.5, block="none", lr=lr, seed=s) for lr in (0.1, 0.01) for s in range(3)),
    *(run(0.51, block="se", lr=0.1, seed=seed) for seed in range(3)),
    run(0.55, block="se", lr=0.01, seed=0),
    run(0.52, block="gc", lr=0.01, seed=0),
]


def test_settings_have_equal_weights_and_the_notes_say_what_is_averaged() -> None:
    table = view_table(RATES, View(("block",), (), "gain"))
    assert cells(table, "gain") == pytest.approx({"se": (0.01 + 0.05) / 2, "gc": 0.02})
    assert cells(table, "gain: settings") == {"se": 2, "gc": 1}
    assert cells(table, "gain: tip")["se"] == (
        "2 settings of 1 to 3 seeds, from +1.00 to +5.00"
    )
    assert (
        "They are averaged over lr: 2 settings, each with the same weight." in table.notes
    )
    [warning] = [note for note in table.notes if "fewer settings" in note]
    assert warning.startswith("1 of the 2 cells")


def test_rows_and_columns_are_in_the_order_of_registries_and_numbers() -> None:
    rates = [0.1, 2e-3, 1e-5, 3.0]
    blocks = ["my:B", "gc", "se(ratio=8)", "se(ratio=32)", "none"]
    records = [run(0.5, block=block, lr=lr) for lr in rates for block in blocks]
    table = view_table(records, View(("block",), ("lr",), "miou"))
    expected = ["none", "se(ratio=8)", "se(ratio=32)", "gc", "my:B"]
    assert list(table.numbers["block"]) == expected
    headers = [column.header for column in table.columns[1:5]]
    assert headers == ["lr 1e-05", "lr 0.002", "lr 0.1", "lr 3.0"]


def test_any_keys_can_be_rows_and_columns() -> None:
    table = view_table(PLACES, View(("placement", "seed"), ("block",), "miou"))
    assert table.numbers[["placement", "seed"]].to_numpy().tolist() == [
        ["residual", 0], ["residual", 1], ["stages", 0],
    ]  # fmt: skip
    assert table.numbers["block=gc"].tolist() == pytest.approx([0.52, 0.41, 0.36])
    table = view_table(RATES, View(("lr",), ("block",), "gain"))
    assert cells(table, "block=se") == pytest.approx({0.01: 0.05, 0.1: 0.01})


def test_columns_of_two_keys_share_a_header() -> None:
    records = [
        run(0.5, block="se", encoder=encoder, placement=placement)
        for encoder in ("resnet34", "resnet18")
        for placement in ("stages", "residual")
    ]
    table = view_table(records, View(("block",), ("encoder", "placement"), "miou"))
    pairs = [(column.group, column.header) for column in table.columns[1:5]]
    assert pairs == [
        ("resnet18", "residual"), ("resnet18", "stages"),
        ("resnet34", "residual"), ("resnet34", "stages"),
    ]  # fmt: skip


def test_a_start_can_be_a_key_of_its_own_with_the_baseline_beside_each() -> None:
    records = [
        run(0.5), run(0.52, block="se"), run(0.56, block="se", init="identity"),
    ]  # fmt: skip
    table = view_table(records, View(("block",), ("init",), "miou"))
    assert cells(table, "init=plain") == {"none": 0.5, "se": 0.52}
    assert cells(table, "init=identity") == {"none": 0.5, "se": 0.56}
    table = view_table(records, View(("block",), (), "miou"))
    assert cells(table, "miou") == {"none": 0.5, "se": 0.52, "identity(se)": 0.56}


def test_groups_are_tables_and_one_without_a_baseline_says_so() -> None:
    records = [*PLACES, run(0.6, block="se", dataset="voc2012")]
    parts = parts_of(comparisons(records), GAIN._replace(groups=("dataset",)))
    assert isinstance(parts[0], Heading)
    assert isinstance(parts[1], Table)
    assert parts[1].caption == "digits, Gain (points): block by placement"
    assert parts[1].name == "view"
    assert isinstance(parts[2], Text)
    assert "1 run has no baseline of the same seed" in str(parts[2].parts[0])


# Validation prefers 0.1 for se, 0.01 for gc and the baseline; the test split does not.
CHOICES = [
    scored(test, validation, block=block, lr=lr, seed=seed)
    for block, lr, test, validation in [
        ("none", 0.1, 0.60, 0.40),
        ("none", 0.01, 0.50, 0.45),
        ("se", 0.1, 0.53, 0.70),
        ("se", 0.01, 0.80, 0.60),
        ("gc", 0.1, 0.90, 0.30),
        ("gc", 0.01, 0.54, 0.50),
    ]
    for seed in (0, 1)
]
BEST = View(("block",), (), "gain", best_per=("block",))


def test_the_best_rate_per_block_is_chosen_on_validation_and_scored_on_test() -> None:
    table = view_table(CHOICES, BEST)
    # the baseline at its own best, 0.01: not at that of the block
    assert cells(table, "gain") == pytest.approx({"se": 0.03, "gc": 0.04})
    assert table.caption.endswith(
        "(best of 2 values of lr per block, chosen on the validation split, scored on the "
        "test split)"
    )
    assert "The baseline is taken at its own best values as well." in table.notes
    assert cells(table, "gain: tip")["se"] == "2 seeds, ± 0.00; lr 0.1"


def test_sentences_that_count_each_rate_as_a_setting_are_told_apart() -> None:
    compared = comparisons(CHOICES)
    told = "Here each block has its best lr. The sentences at the head of this page count"
    lines = [part for part in parts_of(compared, BEST) if isinstance(part, Text)]
    assert [str(line.parts[0])[: len(told)] for line in lines] == [told]
    lines = [part for part in parts_of(compared, GAIN) if isinstance(part, Text)]
    assert lines == []


def test_choosing_and_scoring_on_one_split_is_called_optimistic() -> None:
    table = view_table(RATES, BEST)
    assert cells(table, "gain") == pytest.approx({"se": 0.05, "gc": 0.02})
    assert "chosen and scored on the validation split, which is optimistic" in table.caption
    assert any("Some had 1 values" in note or "1 and" in note for note in table.notes)


def test_the_best_is_chosen_in_each_cell_of_the_view() -> None:
    records = [
        scored(test, validation, block=block, lr=lr, placement=placement)
        for block, placement, lr, test, validation in [
            ("none", "residual", 0.1, 0.5, 0.5),
            ("se", "residual", 0.1, 0.6, 0.1),
            ("se", "residual", 0.2, 0.7, 0.2),
            ("se", "stages", 0.1, 0.8, 0.4),
            ("se", "stages", 0.2, 0.9, 0.3),
        ]
    ]
    table = view_table(records, GAIN._replace(best_per=("block",)))
    assert cells(table, "placement=residual")["se"] == pytest.approx(0.2)
    assert cells(table, "placement=stages")["se"] == pytest.approx(0.3)
    # over placements as well: stages at 0.1 is the best on validation
    assert cells(view_table(records, BEST), "gain")["se"] == pytest.approx(0.3)


def test_the_network_and_the_task_are_never_chosen() -> None:
    records = [
        run(miou, encoder=encoder, lr=lr)
        for encoder, lr, miou in [
            ("resnet18", 0.1, 0.5), ("resnet18", 0.2, 0.6),
            ("resnet34", 0.1, 0.8), ("resnet34", 0.2, 0.7),
        ]
    ]  # fmt: skip
    table = view_table(records, BEST._replace(metric="miou"))
    assert cells(table, "miou")["none"] == pytest.approx((0.6 + 0.8) / 2)
    fixed = [one for one in records if one.config.lr == 0.1]
    with pytest.raises(InputError, match="best per block: no other key varies"):
        view_table(fixed, BEST)


def test_the_validation_score_is_that_of_the_scored_weights() -> None:
    one = scored(0.7, 0.4)
    assert validation_miou(one) == 0.4
    assert validation_miou(one.model_copy(update={"step": 5})) == 0.99
    assert validation_miou(run(0.6)) == 0.6
    unknown = one.model_copy(update={"curve": []})
    assert math.isnan(validation_miou(unknown))
    others = [scored(0.5, 0.4, lr=0.1)]
    table = view_table([unknown, *others], BEST._replace(metric="miou"))
    assert cells(table, "miou") == {"none": 0.5}


def test_outcomes_of_a_probe_are_counted() -> None:
    informed = [
        run(0.5, block="se", lr=lr, seed=seed).model_copy(update={"information": value})
        for lr in (0.1, 0.2)
        for seed, value in enumerate((0.95, 0.1, 1.0, 0.0))
    ]
    view = default_of(comparisons(informed))
    assert view == View(("block",), ("lr",), "solved")
    assert cells(view_table(informed, view), "lr=0.1")["se"] == 0.5
    notes = view_table(informed, view._replace(metric="miou")).notes
    assert any("all or nothing" in note for note in notes)


def grid(**values: list[Any]) -> list[RunRecord]:
    """A run of se and of the baseline for each value, and each with each."""
    keys: list[dict[str, Any]] = [{}]
    for name, found in values.items():
        keys = [one | {name: value} for one in keys for value in found]
    return [run(0.5, block=block, **one) for one in keys for block in ("none", "se")]


@pytest.mark.parametrize(
    ("values", "view"),
    [
        ({"seed": [0, 1, 2]}, None),
        ({"lr": [0.1, 0.2]}, View(("block",), ("lr",), "gain")),
        (
            {"encoder": ["resnet18", "resnet34"], "placement": ["stages", "decoder"]},
            View(("block",), ("placement", "encoder"), "gain"),
        ),
        (
            {"placement": ["stages", "decoder"], "lr": [0.1, 0.2, 0.3, 0.4]},
            View(("block",), ("lr",), "gain", ("placement",)),
        ),
        (
            {"placement": ["stages", "decoder"], "lr": [n / 100 for n in range(1, 12)]},
            View(("lr",), ("block",), "gain", ("placement",)),
        ),
    ],
)
def test_the_default_view_follows_from_what_varies(
    values: dict[str, list[Any]], view: View | None
) -> None:
    assert default_of(comparisons(grid(**values))) == view


def test_a_key_that_follows_from_another_is_left_out_by_default() -> None:
    pairs = [("none", 1.0), ("encoder_bn", 0.1), ("encoder", 1.0)]
    records = [run(0.5, freeze=freeze, encoder_lr_factor=f) for freeze, f in pairs]
    assert default_of(comparisons(records)) == View(("block",), ("freeze",), "miou")


def test_what_is_not_asked_for_is_chosen() -> None:
    compared = comparisons(grid(placement=["stages", "decoder"], lr=[0.1, 0.2, 0.3, 0.4]))
    asked = View((), (), "")
    assert completed(asked._replace(columns=("placement",)), compared) == GAIN
    assert completed(asked._replace(rows=("lr",)), compared).columns == ("block",)
    assert completed(asked._replace(metric="macs"), compared).columns == ("lr",)
    best = completed(asked._replace(best_per=("block", "placement")), compared)
    assert best == View(("block",), ("placement",), "gain", (), ("block", "placement"))
    starts = [run(0.5, block="se", init=init) for init in ("plain", "identity")]
    both = comparisons([run(0.5), *starts, run(0.5, lr=0.5)])
    apart = completed(asked._replace(best_per=("block", "init")), both)
    assert apart.rows == ("block", "init")  # not averaged into one cell
    groups = completed(asked._replace(groups=("lr",)), compared)
    assert groups == View(("block",), (), "gain", ("lr",))


def test_the_metrics_that_options_know_are_those_of_the_registry() -> None:
    assert metrics() == list(METRICS)


@pytest.mark.parametrize("metric", METRICS)
def test_a_number_that_no_run_states_is_said_to_be_missing(metric: str) -> None:
    absent = {
        "information": None, "miou_augmented": None, "macs": None, "macs_direct": None,
        "compute_seconds": None,
    }  # fmt: skip
    records = [one.model_copy(update=absent) for one in PLACES]
    [_, table] = parts_of(comparisons(records), GAIN._replace(metric=metric))
    if metric in {*absent, "test_loss", "solved"}:
        assert isinstance(table, Text)
        assert "9 runs state no such number" in str(table.parts[0])
    else:
        assert isinstance(table, Table)


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (View(("blok",), (), "gain"), "unknown key 'blok'; did you mean 'block'"),
        (View(("block",), ("repeat",), "gain"), "unknown key 'repeat'"),
        (View(("block",), ("lr", "lr"), "gain"), "key 'lr' is used twice"),
        (View(("block",), ("lr",), "mIoU"), "unknown metric 'mIoU'; did you mean 'miou'"),
        (BEST._replace(best_per=("x",)), "unknown key 'x'"),
    ],
)
def test_a_wrong_view_is_an_error(view: View, message: str) -> None:
    with pytest.raises(InputError, match=message):
        view_table(PLACES, view)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rows", "blok"], "did you mean 'block'"),
        (["--columns", "lr,,"], "write names between commas"),
        (["--group", "repeat"], "unknown key 'repeat'"),
        (["--metric", "iou"], "known: miou, gain"),
    ],
)
def test_a_wrong_option_is_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", "nowhere", *options])
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert message in last


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a study at two placements; its report has no pictures."""
    monkeypatch.setattr("reports.section.pictures", lambda *arguments: [])
    for one in PLACES:
        one.write(RunFolder(tmp_path / "runs", one.config).record)
    return tmp_path / "runs"


def test_a_report_prints_the_view_that_was_asked_for(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rows", "block", "--columns", "placement", "--metric", "gain"]
    assert main(["report", str(places), *options]) == 0
    printed = capsys.readouterr().out
    assert "Gain (points): block by placement" in printed
    assert "| GC    |    +1.50 |  +6.00 |   +3.75 |" in printed
    page = (places / "report" / "report.md").read_text()
    assert page.index("All settings in one view") < page.index("## digits")
    assert (places / "report" / "view.csv").exists()
    assert main(["report", str(places), "--best-per", "block,placement"]) == 2
    assert "no other key varies" in capsys.readouterr().err


def test_odd_values_are_text_in_a_view() -> None:
    odd = ["a|b", "<script>", "=1+1", r"\input{x}", "x\ny", "\x1b[31m", "x" * 3000]
    records = [run(0.5, encoder_weights=text) for text in odd]
    table = view_table(records, View(("block",), ("encoder_weights",), "miou"))
    lines = markdown.table(table).splitlines()
    assert "<script>" not in "".join(lines)
    assert all(line.isprintable() and len(line) < 12_000 for line in lines)
    assert r"\input{" not in latex.table(table)
    names = csv.table(table).splitlines()[0]
    assert names.isprintable()
