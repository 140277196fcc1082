"""The audit reads what runs have kept, sets definitions side by side, and names faults."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pandas import DataFrame, read_csv

from ablations.cli import main
from ablations.errors import InputError
from ablations.image_counts import ImageCounts, narrow
from ablations.records import RunRecord
from ablations.run_folder import RunFolder, read_records
from reports.areas import Areas
from reports.audit import audit_parts, image_files, ranking, spread
from reports.audit_table import audit_table
from reports.comparison import comparisons
from reports.definitions import DEFINITIONS, Scored
from reports.page import Fold, Page, Part
from reports.write import markdown
from tests.test_metrics import scored
from tests.test_readme import GUIDES, rows

CLASSES = ("sky", "road", "train")
Matrices = list[list[list[int]]]
# two images of two classes each; there is no train
PLAIN: Matrices = [[[6, 2, 0], [0, 2, 0], [0] * 3], [[8, 0, 0], [1, 1, 0], [0] * 3]]
BETTER: Matrices = [[[8, 0, 0], [0, 2, 0], [0] * 3], [[8, 0, 0], [2, 0, 0], [0] * 3]]
VOID: Matrices = [[[0] * 3] * 3] * 2


def counted(matrices: Matrices) -> ImageCounts:
    dense = np.array(matrices)
    image, label, predicted = np.nonzero(dense)
    count = dense[image, label, predicted]
    titles = np.array([f"image {number}" for number in range(len(dense))])
    columns = map(narrow, (image, label, predicted, count))
    return ImageCounts(titles, len(CLASSES), *columns)


def keep(runs: Path, matrices: Matrices, **config: Any) -> Path:
    """A run with the counts of its images; the folder of the run."""
    total = np.sum(matrices, axis=0).tolist()
    record = scored(total, CLASSES, **config)
    folder = RunFolder(runs, record.config)
    folder.path.mkdir(parents=True)
    digest = counted(matrices).write(folder.images)
    RunRecord(**record.model_dump() | {"config": record.config, "images": digest}).write(
        folder.record
    )
    return folder.path


def parts_of(runs: Path) -> list[Part]:
    [comparison] = comparisons(read_records(runs))
    return audit_parts(comparison, image_files(runs))


def flat(parts: list[Part]) -> str:
    return " ".join(markdown.page(Page("page", parts)).split())


def test_two_runs_stand_side_by_side(tmp_path: Path) -> None:
    plain = keep(tmp_path, PLAIN, batch_size=2)
    better = keep(tmp_path, BETTER, block="se", batch_size=2)
    table = audit_table([plain, better])
    numbers = table.numbers.set_index("definition")
    assert list(numbers.index) == list(DEFINITIONS)
    own = (14 / 17 + 3 / 6) / 2
    assert numbers.loc["dataset", "miou_Baseline, seed 0"] == pytest.approx(own)
    images = ((6 / 8 + 2 / 4) / 2 + (8 / 9 + 1 / 2) / 2) / 2
    assert numbers.loc["images", "miou_Baseline, seed 0"] == pytest.approx(images)
    assert numbers.loc["batches", "miou_Baseline, seed 0"] == pytest.approx(own)
    difference = numbers.loc["absent_as_one", "difference_Baseline, seed 0"]
    assert difference == pytest.approx((2 * own + 1) / 3 - own)
    assert numbers.loc["micro", "miou_SE, seed 0"] == pytest.approx(18 / 22)
    assert f"SE, seed 0: {better}." in table.notes
    assert "Images: 2. Batches, in the order of the images: of 2." in table.notes[-1]


def test_runs_of_one_block_and_seed_are_told_apart(tmp_path: Path) -> None:
    runs = [keep(tmp_path, PLAIN), keep(tmp_path, BETTER, max_steps=7)]
    names = {column.group for column in audit_table(runs).columns} - {""}
    assert names == {folder.name for folder in runs}


def test_the_verb_prints_and_writes_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = keep(tmp_path / "runs", PLAIN), tmp_path / "out"
    assert main(["audit", str(folder), "--out", str(out)]) == 0
    lines = capsys.readouterr().out
    assert "| Data set " in lines
    assert f"{100 * (14 / 17 + 3 / 6) / 2:.2f}" in lines
    written = read_csv(out / "audit.csv")
    assert list(written["definition"]) == list(DEFINITIONS)
    assert (out / "audit.tex").exists()


def test_a_run_that_cannot_be_audited_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, other = keep(tmp_path, PLAIN), keep(tmp_path, BETTER, seed=1)
    (other / "images.npz").unlink()
    bare = tmp_path / "bare"
    for words, message in {
        (str(tmp_path),): "has no record.json; give the folder of a finished run",
        (str(bare),): "bare: no such folder of a run",
        (str(good), str(good)): "is given twice",
        (str(good), f"{good}/../{good.name}"): "is given twice",
        (str(other),): "images.npz: no such file, but the record of run",
    }.items():
        assert main(["audit", *words]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    folder = keep(tmp_path, PLAIN)
    (folder / "images.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"images\.npz: damaged"):
        audit_table([folder])


def test_a_report_says_how_far_the_definitions_are_apart(tmp_path: Path) -> None:
    keep(tmp_path, PLAIN)
    keep(tmp_path, BETTER, block="se")
    parts = parts_of(tmp_path)
    text = flat(parts)
    least = (16 / 18 + 2 / 4 + 0) / 3  # if an absent class counts as 0
    most = (10 / 10 + 8 / 12) / 2  # micro of each image
    said = f"(SE) have an mIoU of {100 * least:.2f} to {100 * most:.2f} %."
    assert f"the predictions of one and the same run {said}" in text
    assert "Which of these runs is the best depends on it, too: Baseline by" in text
    fold = parts[-1]
    assert isinstance(fold, Fold)
    assert "| Data set | " in flat([fold])


def test_a_report_takes_the_seed_with_the_most_runs(tmp_path: Path) -> None:
    keep(tmp_path, PLAIN)
    keep(tmp_path, BETTER, block="se", seed=1)
    keep(tmp_path, PLAIN, seed=1)
    keep(tmp_path, PLAIN, seed=2)
    assert "of the runs with seed 1" in flat(parts_of(tmp_path))


def test_a_report_without_counts_of_images_says_nothing(tmp_path: Path) -> None:
    record = scored(((6, 2), (0, 3)), ("sky", "road"))
    record.write(RunFolder(tmp_path, record.config).record)
    assert parts_of(tmp_path) == []


def test_a_report_goes_on_without_a_damaged_file(tmp_path: Path) -> None:
    keep(tmp_path, PLAIN)
    damaged = keep(tmp_path, BETTER, block="se")
    (damaged / "images.npz").write_bytes(b"PK\x03\x04")
    text = flat(parts_of(tmp_path))
    assert "Not in the audit of mIoU:" in text
    assert "one and the same run (Baseline)" in text
    assert "Which of these" not in text  # only one is left


def test_runs_without_a_labelled_pixel_are_left_out(tmp_path: Path) -> None:
    keep(tmp_path, VOID)
    assert parts_of(tmp_path) == []


def test_the_verb_shows_no_miou_where_there_is_none(tmp_path: Path) -> None:
    table = audit_table([keep(tmp_path, VOID)])
    assert table.numbers["miou_Baseline, seed 0"].isna().all()
    assert "| Micro" in markdown.table(table)


def test_sentences_are_about_the_numbers() -> None:
    numbers = DataFrame({"miou_none": [0.5, 0.2, np.nan], "miou_se": [0.6, 0.7, np.nan]})
    assert "(Baseline) have an mIoU of 20.00 to 50.00 %" in spread(numbers, ["none", "se"])
    [said] = ranking(numbers, ["none", "se"])
    assert said == "By each of them the best of these runs is that of SE."
    numbers.loc[0, "miou_none"] = 0.65
    [said] = ranking(numbers, ["none", "se"])
    assert said.endswith("depends on it, too: Baseline by 1, SE by 1.")


def test_the_last_batch_is_as_large_as_what_is_left() -> None:
    pixels = np.arange(10).reshape(5, 2)
    areas = Areas(pixels, pixels, pixels).batches(2)
    assert areas.labelled.tolist() == [[2, 4], [10, 12], [8, 9]]
    one = Areas(pixels, pixels, pixels).batches(99)
    assert one.labelled.tolist() == [[20, 25]]
    scores = [Scored(Areas(pixels // 2, pixels, pixels), size) for size in (2, 3)]
    assert len({DEFINITIONS["batches"].miou(each) for each in scores}) == 2


def test_the_guide_lists_the_definitions() -> None:
    table = rows(
        GUIDES["reports/README.md"], "| definition | what is averaged | found in |"
    )
    assert table == [
        [each.label, each.meaning, each.users] for each in DEFINITIONS.values()
    ]
