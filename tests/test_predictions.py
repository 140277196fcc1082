"""A rule picks the images of a picture, and it shows which network is right at a pixel."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from ablations.cli import main
from ablations.image_counts import read_image_counts
from ablations.run_folder import RunFolder, read_records
from lightning_modules.run import train
from reports.comparison import comparisons
from reports.page import Picture
from reports.prediction_picture import COLOURS, class_patches, prediction_picture
from reports.predictions import (
    BOTH,
    NEITHER,
    ONLY_FIRST,
    ONLY_SECOND,
    RULES,
    UNLABELLED,
    Legend,
    Scene,
    chosen,
    image_miou,
    outcome,
)
from reports.report import ReportOptions, write_report
from sweeps.prediction_parts import prediction_parts
from sweeps.predictions import pair_of, picture_by_rules, picture_of_images
from tests.test_weights import EXECUTION, SMALL

NAN = float("nan")
FIRST = np.array([0.5, 0.2, NAN, 0.9, 0.4, 0.4, 0.31])
SECOND = np.array([0.1, 0.6, 0.8, 0.7, 0.4, NAN, 0.1])
# Both runs have a score for images 0, 1, 3, 4, 6; gains -0.4, +0.4, -0.2, 0, -0.21.
PICKS = {
    ("worst", 2): [0, 6],
    ("worst", 99): [0, 6, 4, 1, 3],
    ("best", 2): [3, 1],
    ("median", 1): [4],
    ("median", 3): [6, 4, 1],
    ("difference", 2): [1, 0],
    ("difference", 3): [1, 4, 0],
    ("difference", 5): [1, 4, 3, 0, 6],
}
LABELS = np.array([[0, 1, 2], [1, 255, 0]], np.uint8)
SCENE = Scene(
    "a scene",
    "worst 1",
    np.full((2, 3, 3), 0.5),
    LABELS,
    (
        np.array([[0, 1, 1], [0, 1, 1]], np.uint8),
        np.array([[0, 2, 2], [2, 1, 2]], np.uint8),
    ),
)
LEGEND = Legend(("sky", "$road$", "car"), np.eye(3), 255)


@pytest.mark.parametrize(("rule", "count"), PICKS)
def test_a_rule_picks_images_by_their_scores_alone(rule: str, count: int) -> None:
    [known] = [one for one in RULES if one == rule]
    assert chosen(known, FIRST, SECOND, count) == PICKS[rule, count]


def test_of_equal_images_the_first_are_picked() -> None:
    equal = np.full(5, 0.25)
    assert chosen("worst", equal, equal, 2) == [0, 1]
    assert chosen("best", equal, equal, 2) == [0, 1]
    assert chosen("median", equal, equal, 2) == [1, 2]
    assert chosen("difference", equal, equal, 3) == [0, 1, 2]
    assert chosen("worst", np.full(2, NAN), equal[:2], 2) == []


def test_every_labelled_pixel_is_right_for_both_for_one_or_for_none() -> None:
    who = outcome(SCENE, 255)
    expected = [[BOTH, ONLY_FIRST, ONLY_SECOND], [NEITHER, UNLABELLED, NEITHER]]
    assert who.tolist() == expected


def test_the_score_of_an_image_is_the_mean_over_its_classes() -> None:
    first, second = SCENE.predictions
    # Class 0: one pixel of two labelled, one wrong: 1 / 3. Class 1: 1 / 4. Class 2: 0 / 1.
    assert image_miou(LABELS, first, 3, 255) == pytest.approx((1 / 3 + 1 / 4 + 0) / 3)
    # Class 0: 1 / 2. Class 1: 0 / 2. Class 2: 1 / 4. A fourth class occurs nowhere.
    assert image_miou(LABELS, second, 4, 255) == pytest.approx((1 / 2 + 0 + 1 / 4) / 3)
    void = np.full_like(LABELS, 255)
    assert np.isnan(image_miou(void, first, 3, 255))


def images_of(figure: Figure) -> list[np.ndarray]:
    axes = [axis for part in figure.subfigs for axis in part.axes]
    return [np.asarray(axis.images[0].get_array()) for axis in axes]


def texts_of(figure: Figure) -> list[Text]:
    figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    return [text for text in texts if text.get_text() and text.get_visible()]


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts_of(figure)]
    return [
        (one, other)
        for (one, box), (other, next_box) in itertools.combinations(boxes, 2)
        if box.overlaps(next_box)
    ]


def outside(figure: Figure) -> list[str]:
    return [
        text.get_text()
        for text in texts_of(figure)
        if not (
            figure.bbox.x0 - 1 <= text.get_window_extent().x0
            and text.get_window_extent().x1 <= figure.bbox.x1 + 1
        )
    ]


def test_a_row_shows_image_truth_predictions_and_where_they_differ() -> None:
    figure = prediction_picture(["title"], ("A", "B"), [SCENE], LEGEND)
    image, truth, first, second, difference = images_of(figure)
    assert (image == 0.5).all()
    assert truth[0].tolist() == np.eye(3)[[0, 1, 2]].tolist()
    assert truth[1, 1].tolist() == [1, 1, 1]  # void
    assert first[0].tolist() == np.eye(3)[[0, 1, 1]].tolist()
    assert second[0].tolist() == np.eye(3)[[0, 2, 2]].tolist()
    assert len(np.unique(difference.reshape(-1, 3), axis=0)) == len(COLOURS)
    shown = {text.get_text() for text in texts_of(figure)}
    assert {"mIoU 19.4 %", "mIoU 25.0 %", "gained 20.0 %, lost 20.0 %", "$road$"} <= shown


@pytest.mark.parametrize("size", [(40, 30), (30, 75), (90, 30)])
def test_no_text_overlaps_another_or_leaves_the_picture(size: tuple[int, int]) -> None:
    draw = np.random.default_rng(0)
    names = [f"class $_{number} of a long name indeed and more" for number in range(40)]
    legend = Legend(names, draw.random((40, 3)), 255)
    labels = [draw.integers(0, 40, size, dtype=np.uint8) for _ in range(3)]
    title = "leftImg8bit/val/frankfurt/frankfurt_000000_000294_leftImg8bit.png"
    scene = Scene(
        title, "difference 1", draw.random((*size, 3)), labels[0], (labels[1], labels[2])
    )
    heading = [f"line {number}: {'many words ' * 20}\x1b[31m" for number in range(4)]
    long = "my_package.my_file:MyBlock(groups=8), identity start, seed 0"
    figure = prediction_picture(heading, ("Baseline, seed 0", long), [scene] * 2, legend)
    assert overlapping(figure) == []
    assert outside(figure) == []
    assert [patch.get_label() for patch in class_patches([scene], legend)][
        -1
    ] == "and 16 more"


def test_a_large_image_is_thinned_out_for_the_picture() -> None:
    large = np.zeros((600, 1200), np.uint8)
    scene = Scene("wide", "best 1", np.zeros((600, 1200, 3)), large, (large, large))
    figure = prediction_picture(["title"], ("A", "B"), [scene], LEGEND)
    assert all(image.shape == (200, 400, 3) for image in images_of(figure))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A baseline, SE, and a run without weights."""
    folder = tmp_path_factory.mktemp("study")
    keeping = EXECUTION.model_copy(update={"keep_weights": "last"})
    configs = [SMALL, SMALL.changed(block="se"), SMALL.changed(block="gc")]
    for config, execution in zip(configs, [keeping, keeping, EXECUTION], strict=True):
        train(config, folder, execution)
    return [RunFolder(folder, config).path for config in configs]


def test_predictions_have_the_scores_that_the_runs_keep(runs: list[Path]) -> None:
    pair = pair_of(runs[0], runs[1])
    scores = pair.scores()
    for run, kept in zip((pair.first, pair.second), scores, strict=True):
        counts = read_image_counts(run.folder / "images.npz", run.record)
        assert kept.tolist() == counts.miou().tolist()
    for number in range(5):
        scene = pair.scene(number, "")
        for predicted, kept in zip(scene.predictions, scores, strict=True):
            found = image_miou(scene.labels, predicted, 11, 255)
            assert found == pytest.approx(kept[number], abs=1e-6)


def test_the_title_states_the_rule_and_the_images_follow_it(runs: list[Path]) -> None:
    pair = pair_of(runs[0], runs[1])
    worst = int(np.argmin(pair.scores()[1]))
    figure = picture_by_rules(pair, ["worst"], 1)
    texts = [" ".join(text.get_text().split()) for text in texts_of(figure)]
    assert pair.images.titles[worst] in texts
    assert any("worst: the lowest mIoU with SE, seed 0" in text for text in texts)
    assert len(images_of(picture_by_rules(pair, ["worst", "best"], 2))) == 4 * 5
    by_hand = picture_of_images(pair, ["3", pair.images.titles[3], "0"])
    assert len(images_of(by_hand)) == 2 * 5


def test_a_report_shows_a_setting_whose_weights_are_kept(
    runs: list[Path], tmp_path: Path
) -> None:
    folder = runs[0].parent
    compared = comparisons(read_records(folder))
    _heading, text, picture = prediction_parts(folder, compared)
    assert isinstance(picture, Picture)
    assert "Baseline, seed 0 and SE, seed 0" in str(text)
    assert len(images_of(picture.figure)) == 6 * 5
    assert prediction_parts(tmp_path, compared) == []
    write_report(folder, tmp_path / "plain")
    assert not (tmp_path / "plain" / "predictions.png").exists()
    write_report(folder, tmp_path / "more", options=ReportOptions(more=prediction_parts))
    assert (tmp_path / "more" / "predictions.png").stat().st_size > 20_000
    assert "![predictions, digits" in (tmp_path / "more" / "report.md").read_text()


def test_the_command_writes_a_picture(runs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "new" / "picture.png"
    words = ["--rule", "difference", "--images", "2", "--accelerator", "cpu"]
    assert main(["show-predictions", *map(str, runs[:2]), *words, "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_one_line(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = SMALL.changed(val_images=4)
    keeping = EXECUTION.model_copy(update={"keep_weights": "last"})
    train(other, tmp_path, keeping)
    first, second, without = map(str, runs)
    shorter = str(RunFolder(tmp_path, other).path)
    for words, message in [
        ([first, without], "only a run that was trained with --keep-weights last or best"),
        ([first, shorter], "the same images: val_images is 5 and 4"),
        ([first, second, "--image", "5"], "image '5': no images are called so; there are"),
        ([first, second, "--image", "sc"], "image 'sc': 5 images are called so"),
        (
            [first, second, "--image", "0", "--out", str(tmp_path / "x.xyz")],
            "x.xyz: cannot",
        ),
    ]:
        assert main(["show-predictions", *words, "--accelerator", "cpu"]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert message in line
    (runs[1] / "images.npz").rename(runs[1] / "moved")
    assert main(["show-predictions", first, second]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "images.npz: no such file" in line
    (runs[1] / "moved").rename(runs[1] / "images.npz")
