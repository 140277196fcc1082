"""Several studies on one page: every block in each, and what the paper claims beside it."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from pandas import isna
from scipy import stats

from ablations.cli import main
from ablations.errors import InputError
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from reports.export import write_export
from reports.overview.against import against_others
from reports.overview.outcome import Studied
from reports.overview.page import findings_page
from reports.overview.question import question_of
from reports.overview.table import overview_table
from reports.overview.times import read_times
from reports.page import Items, Text
from reports.plots.overview import Panel, overview
from tests.test_controls_compared import runs_with
from tests.test_probe_report import CARRIED, folder_of, probe_record
from tests.test_views import scored

GAINS = {
    "se": [0.010, 0.012, 0.014, 0.009, 0.011, 0.013],
    "psa_parallel": [0.020, 0.025, -0.004, 0.003, 0.018, 0.007],
    "psa_sequential": [-0.010, 0.004, -0.012, -0.003, -0.006, -0.001],
    "matched_params(psa_parallel)": [0.001, -0.002, 0.003, -0.001, 0.002, 0.004],
}


def exported(records: list[RunRecord], path: Path) -> Path:
    write_export(records, path)
    return path


def probe(folder: Path) -> Path:
    records = [
        probe_record(block, seed, information)
        for block, values in CARRIED.items()
        for seed, information in enumerate(values)
    ]
    return folder_of(records, folder / "cue")


def plain(folder: Path) -> Path:
    return exported(runs_with(GAINS, RunConfig()), folder / "real.csv")


def words(parts: tuple[object, ...]) -> str:
    return "".join(one if isinstance(one, str) else str(one[0]) for one in parts)  # type: ignore[index]


def test_a_study_is_named_after_its_folder_or_file(tmp_path: Path) -> None:
    assert [Studied(place(tmp_path)).name for place in (probe, plain)] == ["cue", "real"]


def test_a_probe_counts_runs_and_other_data_state_gains(tmp_path: Path) -> None:
    solved = Studied(probe(tmp_path)).outcomes
    assert {b: str(one.solved) for b, one in solved.items()} == {
        "none": "0 of 3",
        "se": "3 of 3",
        "gc": "2 of 3",
    }
    assert solved["se"].p == pytest.approx(2 * 0.1)  # Holm: two blocks
    gains = Studied(plain(tmp_path)).outcomes
    assert list(gains) == [*GAINS]
    assert "none" not in gains
    values = GAINS["psa_parallel"]
    mean = sum(values) / 6
    low, high = stats.t.interval(0.95, 5, loc=mean, scale=stats.sem(values))
    assert gains["psa_parallel"][:3] == pytest.approx((mean, low, high))
    assert gains["se"].p == pytest.approx(3 * 2 / 2**6)  # Holm: three blocks, no control
    assert isna(gains["matched_params(psa_parallel)"].p)


def test_over_several_settings_a_setting_is_the_unit(tmp_path: Path) -> None:
    offsets = {"landcover(fold=0)": 0.0, "landcover(fold=1)": 0.03}
    records = [
        run
        for dataset, offset in offsets.items()
        for run in runs_with(
            {"se": [0.01 + offset], "matched_macs(se)": [offset]},
            RunConfig(dataset=dataset),
        )
    ]
    study = Studied(exported(records, tmp_path / "folds.csv"))
    assert study.noun == "setting"
    one, control = study.outcomes["se"], study.outcomes["matched_macs(se)"]
    assert (one.pairs, one.p) == (2, 0.5)
    assert one.value == pytest.approx(0.025)
    assert control.value == pytest.approx(0.015)
    assert isna(control.p)


def test_one_row_has_a_block_in_all_studies(tmp_path: Path) -> None:
    studies = [Studied(probe(tmp_path)), Studied(plain(tmp_path))]
    numbers = overview_table(studies, "findings").numbers
    rows = {str(row["block"]): row for row in numbers.to_dict("records")}
    assert [*rows][:3] == ["none", "se", "gc"]
    assert rows["se"]["cue_solved"] == "3 of 3"
    assert rows["se"]["real_value"] == pytest.approx(0.0115)
    assert isna(rows["gc"]["real_value"])
    assert isna(rows["psa_parallel"]["cue_solved"])
    assert rows["psa_parallel"]["added_params_share"] == 0


def test_psa_is_compared_with_each_block_by_pairs(tmp_path: Path) -> None:
    family = against_others(Studied(plain(tmp_path)), "psa_parallel")
    assert [*family] == ["se", "psa_sequential"]  # neither the baseline nor a control
    pairs = zip(GAINS["psa_parallel"], GAINS["se"], strict=True)
    assert family["se"].gain == pytest.approx(sum(p - s for p, s in pairs) / 6)
    assert family["psa_sequential"].gain > 0


def test_claims_stand_beside_what_was_measured(tmp_path: Path) -> None:
    page = findings_page([Studied(probe(tmp_path)), Studied(plain(tmp_path))], tmp_path)
    lists = [part for part in page.parts if isinstance(part, Items)]
    [items] = [part for part in lists if "VOC" in words(part.items[0].parts)]
    text = words(items.items[0].parts)
    assert "prints +1.8 points" in text
    assert "real PSA (p) +1.15 (-0.03 to +2.33), PSA (s) -0.47 (-1.09 to +0.15)" in text
    assert "Of these 2 intervals 1 ends below +1.8" in text
    assert "real +1.62" in words(items.items[1].parts)
    assert "real undecidable with 6 seeds" in words(items.items[2].parts)


def test_without_psa_nothing_is_claimed(tmp_path: Path) -> None:
    records = runs_with({"se": [0.01, 0.02]}, RunConfig())
    page = findings_page([Studied(exported(records, tmp_path / "a.csv"))], tmp_path)
    assert not any("claims" in str(part) for part in page.parts)


def searched(validation: dict[str, dict[float, float]]) -> list[RunRecord]:
    """Validation mIoU by block and rate; on test, each is the rate alone."""
    return [
        scored(rate, value + seed / 100, block=block, lr=rate, seed=seed)
        for block, values in validation.items()
        for rate, value in values.items()
        for seed in (0, 1)
    ]


def test_a_searched_rate_is_chosen_on_validation_and_scored_on_test(tmp_path: Path) -> None:
    runs = searched({"none": {0.1: 0.5, 0.2: 0.4}, "se": {0.1: 0.3, 0.2: 0.6}})
    study = Studied(exported(runs, tmp_path / "lr.csv"))
    assert study.rates == {"none": 0.1, "se": 0.2}
    assert study.outcomes["se"].value == pytest.approx(0.2 - 0.1)
    assert study.outcomes["se"].pairs == 2
    page = findings_page([study], tmp_path)
    assert any("0.1 for Baseline; 0.2 for SE" in str(part) for part in page.parts)


def test_an_unequal_search_is_refused(tmp_path: Path) -> None:
    runs = searched({"none": {0.1: 0.5, 0.2: 0.4}, "se": {0.1: 0.3}})
    with pytest.raises(InputError, match=r"se has runs at lr 0.1 \(2\), the baseline at"):
        Studied(exported(runs, tmp_path / "lr.csv"))


def test_the_question_is_the_comment_at_the_head_of_the_sweep_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# Does it\n# help?\nname: a\n# no part of it\n")
    assert question_of("a", tmp_path) == "Does it help?"
    assert question_of("b", tmp_path) == ""
    assert question_of("../a", tmp_path / "x") == ""


def test_every_block_has_a_row_and_decided_ones_are_filled() -> None:
    values = {"se": (1.0, 0.5, 1.5, 0.01), "gc": (0.2, -0.5, 0.9, 0.8)}
    figure = overview(["se", "gc", "ea"], [Panel("a", "gain", values, zero=0)])
    [axes] = figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["SE", "GC", "EA"]
    filled = [to_hex((*np.ravel(mark.get_facecolor())[:3],)) for mark in axes.collections]
    assert len(filled) == 2
    assert filled[0] != "#ffffff"
    assert filled[1] == "#ffffff"


TIMES = """block,evaluation,forward_ratio,step_ratio,peak_ratio
none,direct,1.0,1.0,1.0
se,direct,1.2,1.3,1.4
se,fast,1.1,1.05,1.2
gc,fast,,,
"""


def test_the_price_in_time_is_that_of_the_fast_blocks(tmp_path: Path) -> None:
    (tmp_path / "model.csv").write_text(TIMES)
    study = Studied(plain(tmp_path))
    table = overview_table([study], "all", read_times(tmp_path / "model.csv"))
    rows = table.numbers.set_index("block")
    assert rows.loc["se", "step_ratio"] == 1.05
    assert rows["step_ratio"].isna()["psa_parallel"]
    page = findings_page([study], tmp_path, tmp_path / "model.csv")
    told = [words(part.parts) for part in page.parts if isinstance(part, Text)]
    assert any("see model." in line for line in told)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("block,evaluation\nse,fast\n", "no column forward_ratio, step_ratio, peak_ratio"),
        ("", "EmptyDataError"),
        (None, "FileNotFoundError"),
    ],
)
def test_a_file_that_holds_no_times_is_refused(
    tmp_path: Path, text: str | None, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "model.csv").write_text(text)
    command = ["findings", str(plain(tmp_path)), "--times", str(tmp_path / "model.csv")]
    assert main([*command, "--out", str(tmp_path / "page")]) == 2
    said = capsys.readouterr().err
    assert f"--times {tmp_path / 'model.csv'}: {reason}" in said
    assert not (tmp_path / "page").exists()


def test_the_verb_writes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [str(probe(tmp_path)), str(plain(tmp_path))]
    out = tmp_path / "out"
    assert main(["findings", *places, "--out", str(out)]) == 0
    assert "2 studies, 39 runs" in capsys.readouterr().out
    written = {path.name for path in out.iterdir()}
    assert {"findings.md", "findings.html", "findings.csv", "findings.svg"} <= written
    assert "findings-psa.csv" in written


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"se": [0.1]}, "no run has a baseline"),
        ({}, "no such folder"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    blocks: dict[str, list[float]],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "study"
    runs = runs_with(blocks, RunConfig()) if blocks else []
    for one in runs:
        if one.config.block != "none":
            one.write(place / one.config.run_id / "record.json")
    assert main(["findings", str(place), "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_two_studies_of_one_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = plain(tmp_path)
    assert main(["findings", str(place), str(place)]) == 2
    assert "real: two places have this name" in capsys.readouterr().err


def test_a_study_of_a_probe_and_other_data_is_refused(tmp_path: Path) -> None:
    mixed = probe(tmp_path)
    folder_of(runs_with({"se": [0.1]}, RunConfig()), mixed)
    assert main(["findings", str(mixed), "--out", str(tmp_path / "out")]) == 2


def test_more_than_four_studies_have_several_pictures(tmp_path: Path) -> None:
    places = [
        exported(runs_with(GAINS, RunConfig()), tmp_path / f"{n}.csv") for n in range(5)
    ]
    page = findings_page([Studied(place) for place in places], tmp_path)
    assert [one.name for one in page.pictures] == ["findings", "findings-2"]
    assert [len(one.figure.axes) for one in page.pictures] == [4, 1]


def test_a_study_without_the_blocks_of_the_paper_is_told_apart(tmp_path: Path) -> None:
    gains = {name: GAINS[name] for name in ("psa_parallel", "psa_sequential")}
    study = Studied(exported(runs_with(gains, RunConfig()), tmp_path / "own.csv"))
    lists = [p for p in findings_page([study], tmp_path).parts if isinstance(p, Items)]
    [items] = [part for part in lists if "VOC" in words(part.items[0].parts)]
    assert "own met none of them" in words(items.items[2].parts)


def test_a_setting_without_a_baseline_does_not_make_a_probe_another_study(
    tmp_path: Path,
) -> None:
    place = probe(tmp_path)
    orphan = probe_record("se", 0, 0.5)
    config = orphan.config.changed(batch_size=3)
    folder_of([orphan.model_copy(update={"config": config})], place)
    study = Studied(place)
    assert study.is_probe
    assert study.noun == "seed"
