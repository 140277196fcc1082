"""A report on a probe counts runs, shows every one, and says no more than its tests."""

from math import inf
from pathlib import Path

import pytest
from pandas import read_csv

from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules import data
from lightning_modules.run import train
from reports.comparison import comparisons
from reports.counts import Solved
from reports.probe_tables import outcomes, seed_table, steps_until_solved
from reports.probe_verdict import words
from reports.report import write_report
from tests.test_records import record
from tests.test_scored_split import EXECUTION, SCORED, tiny_probe

CARRIED = {
    "none": (0.01, -0.02, 0.03),
    "se": (0.99, 0.97, 1.0),
    "gc": (0.98, 0.1, 0.9),
}
CONFIG = RunConfig(score_on="test", max_steps=800)


def probe_record(block: str, seed: int, information: float) -> RunRecord:
    """Solved at the second of four validations if at all."""
    points = [
        {"step": step, "val_miou": 0.5, "val_information": 0.1 if step < 400 else carried}
        for carried in [information]
        for step in (200, 400, 600, 800)
    ]
    config = CONFIG.changed(block=block, seed=seed)
    scores = {"information": information, "test_loss": 0.5, "curve": points}
    return RunRecord(**record().model_dump() | scores | {"config": config})


@pytest.fixture
def records() -> list[RunRecord]:
    return [
        probe_record(block, seed, information)
        for block, values in CARRIED.items()
        for seed, information in reversed([*enumerate(values)])
    ]


def folder_of(records: list[RunRecord], folder: Path) -> Path:
    for one in records:
        one.write(RunFolder(folder, one.config).record)
    return folder


def text_of(out: Path) -> str:
    """The page without its line breaks."""
    return " ".join((out / "report.md").read_text().split())


def test_runs_are_counted_and_tested_against_the_baseline(
    records: list[RunRecord],
) -> None:
    [comparison] = comparisons(records)
    table = outcomes(comparison).set_index("block")
    assert list(table.index) == ["none", "se", "gc"]
    assert list(table["solved"]) == [0, 3, 2]
    assert list(table["seeds"]) == [3, 3, 3]
    assert table.loc["se", "p"] == pytest.approx(2 / 20)  # 6 over 3
    assert table.loc["gc", "p"] == pytest.approx(2 * 3 / 15)
    assert list(table["p_holm"])[1:] == pytest.approx([2 * 2 / 20, 2 * 3 / 15])
    assert table.loc["none", "high"] == pytest.approx(1 - 0.025 ** (1 / 3))
    assert list(table["median_steps"]) == [inf, 400, 400]


def test_every_run_is_shown_in_the_order_of_seeds(records: list[RunRecord]) -> None:
    without_one = [r for r in records if (r.config.block, r.config.seed) != ("gc", 1)]
    [comparison] = comparisons(without_one)
    numbers = seed_table(comparison).numbers.set_index("block")
    columns = [f"information_{seed}" for seed in (0, 1, 2)]
    assert list(numbers.loc["se", columns]) == [0.99, 0.97, 1.0]
    assert list(numbers.loc["gc", columns]) == pytest.approx(
        [0.98, float("nan"), 0.9], nan_ok=True
    )
    assert numbers.loc["none", "steps_0"] == inf


def test_steps_until_solved_are_those_of_the_first_validation() -> None:
    assert steps_until_solved(probe_record("se", 0, 0.9)) == 400
    assert steps_until_solved(probe_record("se", 0, 0.89)) == inf
    assert steps_until_solved(record()) == inf


def test_the_page_begins_with_what_is_decided(
    records: list[RunRecord], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write_report(folder_of(records, tmp_path / "runs"), out)
    first = (out / "report.md").read_text().split("\n\n")[1]
    page = text_of(out)
    assert first.startswith(
        "With a block more runs solve the probe than without one (5 of 6"
    )
    assert "Without a block 0 of 3 runs solve the probe" in first
    assert "Gain is the mean" not in page
    assert "Clopper and Pearson" in page
    assert "p cannot be below 0.1" in page
    assert "> 800" in page
    assert {path.name for path in out.iterdir()} == {
        "report.md",
        "report.html",
        *(f"comparison.{ending}" for ending in ("md", "tex", "csv")),
        *(f"comparison-seeds.{ending}" for ending in ("md", "tex", "csv")),
        *(f"comparison-runs.{ending}" for ending in ("svg", "png", "pdf")),
    }
    numbers = read_csv(out / "comparison.csv")
    assert numbers["solved"].to_list() == [0, 3, 2]


def test_runs_without_information_are_compared_as_before(
    records: list[RunRecord], tmp_path: Path
) -> None:
    records[0] = records[0].model_copy(update={"information": None})
    out = tmp_path / "out"
    write_report(folder_of(records, tmp_path / "runs"), out)
    page = text_of(out)
    assert "Clopper" not in page
    assert "Gain is the mean" in page


def test_several_settings_each_have_their_verdict(
    records: list[RunRecord], tmp_path: Path
) -> None:
    wider = [
        r.model_copy(update={"config": r.config.changed(image_size=96)}) for r in records
    ]
    ordinary = [record(RunConfig(block=block)) for block in ("none", "se")]
    out = tmp_path / "out"
    write_report(folder_of([*records, *wider, *ordinary], tmp_path / "runs"), out)
    page = text_of(out)
    assert page.count("Without a block 0 of 3 runs solve the probe") == 2
    assert "image_size 96, score_on test, max_steps 800:**" in page
    assert "Gain is the mean" in page
    assert "Clopper and Pearson" in page


def test_a_trained_probe_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(data.DATASETS, "tiny_probe", tiny_probe)
    for block in ("none", "se"):
        train(SCORED.changed(block=block), tmp_path / "runs", EXECUTION)
    write_report(tmp_path / "runs", tmp_path / "out")
    page = text_of(tmp_path / "out")
    assert "Without a block 0 of 1 run solves the probe (information of at least" in page
    assert "the smallest possible p is 1)" in page


@pytest.mark.parametrize(
    ("solved", "expected"),
    [
        (  # 2 / 924 x 2, and 2 / 924 for the pair
            {"none": (0, 6), "se": (6, 6), "gc": (6, 6)},
            "0 of 6 runs; with SE, GC 6 of 6: it is solved more often with SE, GC "
            "(Fisher's exact test, Holm's correction for 2 blocks: p at most 0.00433). "
            "No ranking among the blocks is supported (Fisher's exact test, Holm's "
            "correction for 1 pair).",
        ),
        (  # 2 x 15 / 495 = 0.061 does not suffice
            {"none": (0, 6), "se": (6, 6), "cbam": (4, 6)},
            "0 of 6 runs; with SE 6 of 6; with CBAM 4 of 6: it is solved more often with "
            "SE (Fisher's exact test, Holm's correction for 2 blocks: p at most 0.00433); "
            "no difference is supported for CBAM. No ranking among the blocks is supported "
            "(Fisher's exact test, Holm's correction for 1 pair).",
        ),
        (
            {"none": (6, 6), "se": (0, 6)},
            "6 of 6 runs; with SE 0 of 6: it is solved less often with SE (Fisher's exact "
            "test, Holm's correction for 1 block: p at most 0.00216).",
        ),
        (
            {"none": (0, 6), "se": (1, 6)},
            "0 of 6 runs; with SE 1 of 6: no difference from the baseline is supported "
            "(Fisher's exact test, Holm's correction for 1 block).",
        ),
        (  # 3 over 6: no single block can differ; all together 1 / (9 over 3) = 1 / 84
            {"none": (0, 3), "se": (3, 3), "gc": (3, 3)},
            "0 of 3 runs; with SE, GC 3 of 3: so few runs cannot tell a single block from "
            "the baseline (the smallest possible p is 0.1, corrected for 2 blocks 0.2). "
            "So few runs support no ranking among the blocks (the smallest possible p is "
            "0.1).",
        ),
        (  # 2 + 2 of 6 against 0 of 3: p = 0.167, from (5 over 3) and (4 over 3) of 84
            {"none": (0, 3), "se": (2, 3), "gc": (2, 3)},
            "0 of 3 runs; with SE, GC 2 of 3: so few runs cannot tell a single block from "
            "the baseline (the smallest possible p is 0.1, corrected for 2 blocks 0.2); "
            "nor do all blocks together differ from it (4 of 6 against 0 of 3, p = 0.167 "
            "by Fisher's exact test of all blocks together). So few runs support no "
            "ranking among the blocks (the smallest possible p is 0.1).",
        ),
        (
            {"none": (0, 6), "se": (6, 6), "gc": (0, 6)},
            "0 of 6 runs; with SE 6 of 6; with GC 0 of 6: it is solved more often with SE "
            "(Fisher's exact test, Holm's correction for 2 blocks: p at most 0.00433); no "
            "difference is supported for GC. It is solved more often with SE than with GC "
            "(Fisher's exact test, Holm's correction for 1 pair).",
        ),
        ({"none": (2, 6)}, "2 of 6 runs."),
        (  # a control is compared with its block, and is no block of its own
            {"none": (0, 6), "se": (6, 6), "matched_params(se)": (0, 6)},
            "0 of 6 runs; with SE 6 of 6; with Same params as SE 0 of 6: it is solved more "
            "often with SE (Fisher's exact test, Holm's correction for 2 blocks: p at most "
            "0.00433); no difference is supported for Same params as SE. It is solved more "
            "often with SE than with Same params as SE (Fisher's exact test, Holm's "
            "correction for 1 pair).",
        ),
        (  # 3 x 2 / 924: two pairs of three differ
            {"none": (0, 6), "se": (6, 6), "gc": (6, 6), "ea": (0, 6)},
            "0 of 6 runs; with SE, GC 6 of 6; with EA 0 of 6: it is solved more often with "
            "SE, GC (Fisher's exact test, Holm's correction for 3 blocks: p at most "
            "0.00649); no difference is supported for EA. It is solved more often with SE, "
            "GC than with EA (Fisher's exact test, Holm's correction for 3 pairs); no "
            "other ranking among the blocks is supported.",
        ),
    ],
)
def test_the_verdict_is_no_stronger_than_its_test(
    solved: dict[str, tuple[int, int]], expected: str
) -> None:
    counts = {block: Solved(*pair) for block, pair in solved.items()}
    said = words(counts, "test").partition("Without a block ")[2]
    solving = " solve the probe (information of at least 0.9 on the test split)"
    assert said.replace(solving, "") == expected


def test_what_holds_for_all_blocks_together_comes_first() -> None:
    three = {"none": Solved(0, 3), "se": Solved(3, 3), "gc": Solved(3, 3)}
    assert words(three, "test").startswith(
        "With a block more runs solve the probe than without one (6 of 6 against 0 of 3, "
        "p = 0.0119 by Fisher's exact test of all blocks together). Without a block 0 of 3"
    )
    six = {name: Solved(2 * counts.solved, 6) for name, counts in three.items()}
    assert words(six, "test").startswith("Without a block 0 of 6 runs")
