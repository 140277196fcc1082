"""One page shows every placement of a model: a picture, and what each adds."""

import itertools
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from ablations.bare_models import BareModel
from ablations.cli import main
from ablations.complexity.subjects import Setting
from ablations.outline import Box, outline
from ablations.placements import PLACEMENTS
from reports.network_picture import Row, heights, network_picture
from reports.order import rank
from reports.page import Page, Table
from reports.plots import save
from reports.where import landing, placements_page, spot

SIZE = (64, 96)
BOXES = [
    Box("1", 64, (32, 48)),
    Box("2", 64, (16, 24)),
    Box("3", 128, (8, 12)),
    Box("4", 256, (4, 6)),
    Box("5", 512, (2, 3)),
    Box("decoder", 16, (64, 96)),
    Box("segmentation_head", 3, (64, 96)),
]


def test_the_boxes_of_a_model_are_its_stages_and_other_parts() -> None:
    assert outline(BareModel("unet", "resnet18", 3), SIZE) == BOXES


def test_a_stage_without_channels_is_no_box() -> None:
    """The encoder has no feature 1."""
    boxes = outline(BareModel("unet", "tu-convnext_atto", 3), (64, 64))
    assert [box.name for box in boxes][:4] == ["2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("path", "stage", "expected"),
    [
        ("encoder.layer3.0.conv2.attention", 4, ("4", "inside")),
        ("encoder.attention.4", 4, ("4", "right")),
        ("segmentation_head.0.attention", None, ("segmentation_head", "left")),
        ("decoder.blocks.1.attention", None, ("decoder", "inside")),
        ("decoder.attention", None, ("decoder", "right")),
        ("attention", None, ("segmentation_head", "right")),
        ("encoder.unread.attention", None, ("1", "left")),
    ],
)
def test_a_block_is_drawn_where_it_lands(
    path: str, stage: int | None, expected: tuple[str, str]
) -> None:
    assert spot(path, stage, [box.name for box in BOXES]) == expected


def texts(figure: Figure) -> list[str]:
    [axes] = figure.axes
    return [text.get_text() for text in axes.texts]


ROWS = [
    Row("residual", {(str(stage), "inside"): 11 for stage in range(1, 6)}, ""),
    Row("stages", {(box.name, "right"): 1 for box in BOXES}, ""),
    Row("a" * 99 + ":places", {("decoder", "left"): 1234, ("decoder", "right"): 1234}, ""),
    Row("depthwise", {}, "depthwise needs $x$ and " + 30 * "much more, "),
]


def test_the_picture_shows_counts_and_reasons_and_nothing_overlaps() -> None:
    figure = network_picture(BOXES, ROWS)
    shown = texts(figure)
    assert shown.count("11") == 5
    assert shown.count("1,234") == 2
    assert any(text.startswith("does not fit: depthwise needs $x$") for text in shown)
    figure.canvas.draw()
    [axes] = figure.axes
    frames = [text.get_window_extent() for text in axes.texts]
    assert not any(one.overlaps(two) for one, two in itertools.combinations(frames, 2))
    assert all(
        figure.bbox.contains(*corner) for each in frames for corner in each.corners()
    )


def test_a_box_is_higher_the_larger_its_feature_map() -> None:
    tall = heights(BOXES)
    assert sorted(tall[:5], reverse=True) == tall[:5]
    assert tall[5] == max(tall)
    assert len(set(heights([BOXES[0], BOXES[0]]))) == 1


def test_equal_pictures_give_equal_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        save(network_picture(BOXES, ROWS), tmp_path / folder, "picture")
    one, two = ((tmp_path / name / "picture.svg").read_bytes() for name in ("one", "two"))
    assert one == two


def page(*placements: str, block: str = "cbam") -> Page:
    bare = BareModel("unet", "resnet18", 3)
    return placements_page(block, [Setting(bare, p, SIZE) for p in placements], "fast")


def table(shown: Page) -> Table:
    [only] = shown.tables
    return only


def test_the_table_adds_up_the_blocks_of_each_placement() -> None:
    rows = table(page("residual@4-5", "residual@4", "residual@5")).numbers
    both, four, five = rows.to_dict("records")
    assert (both["blocks"], both["stages"], both["channels"]) == (
        4,
        "4 (2), 5 (2)",
        "256, 512",
    )
    assert both["params"] == four["params"] + five["params"]
    assert both["macs"] == four["macs"] + five["macs"]


def test_what_does_not_fit_has_a_reason() -> None:
    shown = table(page("depthwise", "logits", "stages@7"))
    assert [row["params"] for row in shown.numbers.to_dict("records")] == [None] * 3
    depthwise, logits, seven = shown.notes
    assert depthwise.startswith("depthwise needs the 3x3 units")
    assert "3 channels cannot be reduced by 16" in logits  # of the block, not the place
    assert seven.startswith("stages@7: no place of stages is in stage 7")
    bare = BareModel("unet", "resnet18", 3)
    assert landing(Setting(bare, "logits", SIZE)).problem == ""


def test_the_page_is_written_with_its_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ["--placement", "decoder + stages@4-5", "--out", str(tmp_path)]
    assert main(["where", "--all", "--model", "fpn", "--block", "gc", *own]) == 0
    assert "written: " in capsys.readouterr().out
    text = (tmp_path / "placements.md").read_text()
    assert "](placements-picture.svg)" in text
    for name in [*PLACEMENTS, "stages@4-5+decoder"]:
        assert f"| {name.replace('_', chr(92) + '_')} " in text or f"| {name} " in text
    for name in ("placements.csv", "placements.tex", "placements-picture.png"):
        assert (tmp_path / name).stat().st_size > 100


def test_selections_stand_beside_their_placement_in_reports() -> None:
    names = ["decoder", "residual", "residual@3", "residual@every2+decoder", "stages@5"]
    ordered = sorted(
        [*names, "my_file:places", "stages"], key=lambda name: rank("placement", name)
    )
    assert ordered == [*names[1:4], "stages", "stages@5", "decoder", "my_file:places"]
