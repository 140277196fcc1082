"""The YAML beside a user's images: what it may say, and one line for what it may not."""

from pathlib import Path

import pytest

from ablations.errors import InputError
from lightning_modules.data.description import Folds, Named, Shares, read_description

SHARES = "splits: {val: 0.2}"
CLASSES = "classes: [ground, road]"


def written(folder: Path, *lines: str) -> Path:
    path = folder / "classes.yaml"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("lines", "classes", "void"),
    [
        (["classes: [a, b, c]"], (0, 1, 2), (255,)),
        (["classes: {a: 0, b: 255, c: 3}"], (0, 255, 3), ()),
        (["classes: {a: 5, b: 6, c: 7}", "void: [0, 1, 2]"], (5, 6, 7), (0, 1, 2)),
        (["classes: {a: 5, b: 6, c: 7}", "void: 4"], (5, 6, 7), (4,)),
        (
            ["classes: {a: [0, 1, 2], b: '#FF00a0', c: [9, 9, 9]}"],
            ((0, 1, 2), (255, 0, 160), (9, 9, 9)),
            (),
        ),
        (
            ["classes: {a: [0, 1, 2], b: '#FF00a0', c: [9, 9, 9]}", "void: [1, 1, 1]"],
            ((0, 1, 2), (255, 0, 160), (9, 9, 9)),
            ((1, 1, 1),),
        ),
        (
            [
                "classes: {a: [0, 1, 2], b: [3, 3, 3], c: [4, 4, 4]}",
                "void: ['#010101', [2, 2, 2]]",
            ],
            ((0, 1, 2), (3, 3, 3), (4, 4, 4)),
            ((1, 1, 1), (2, 2, 2)),
        ),
    ],
)
def test_values_are_numbers_or_colours(
    lines: list[str], classes: object, void: object, tmp_path: Path
) -> None:
    values = read_description(written(tmp_path, *lines, SHARES)).values
    assert values == (("a", "b", "c"), classes, void)


@pytest.mark.parametrize(
    ("text", "splits"),
    [
        ("{train: a.txt, val: b.txt}", Named(train="a.txt", val="b.txt")),
        ("{val: 0.25, seed: 3}", Shares(val=0.25, seed=3)),
        ("{folds: 4, fold: 3, group: '(.*)_.*'}", Folds(folds=4, fold=3, group="(.*)_.*")),
    ],
)
def test_splits_are_lists_shares_or_folds(
    text: str, splits: object, tmp_path: Path
) -> None:
    path = written(tmp_path, CLASSES, f"splits: {text}")
    assert read_description(path).splits == splits


BAD = [
    (["[a, b]"], "not a description"),
    ([SHARES], "classes is missing"),
    ([CLASSES], r"splits is missing; for example \{val: 0\.2"),
    ([CLASSES, SHARES, "imagse: x"], "unknown key 'imagse'; did you mean 'images'"),
    (["classes: 3", SHARES], "classes = 3: classes are a list of names, or a mapping"),
    (["classes: [a]", SHARES], r"there are 1 classes; allowed are 2 to 255"),
    (["classes: [a, 3]", SHARES], "3 is not the name of a class; put it in quotes"),
    (["classes: [a, a]", SHARES], "'a' is listed twice"),
    (["classes: {a: 0, b: 70000}", SHARES], "70000 is not a value; a value is a number"),
    (["classes: {a: 0, b: red}", SHARES], "'red' is not a value"),
    (["classes: {a: 0, b: true}", SHARES], "True is not a value"),
    (["classes: {a: 0, b: [1, 2]}", SHARES], r"\[1, 2\] is not a value"),
    (["classes: {a: 0, b: 0}", SHARES], "0 is both 'a' and 'b'"),
    (["classes: {a: 0, b: '#000001'}", SHARES], "must be all numbers or all colours"),
    ([CLASSES, "void: 1", SHARES], "1 is both 'road' and 'void'"),
    ([CLASSES, "void: '#ffffff'", SHARES], "must be all numbers or all colours"),
    ([CLASSES, "void: white", SHARES], "void: 'white' is not a value"),
    ([CLASSES, "images: images/*.jpg", SHARES], r"images = .*contains \{name\} once"),
    ([CLASSES, "images: []", SHARES], r"images = \[\]: there is no pattern"),
    ([CLASSES, "masks: ../{name}.png", SHARES], "masks = .*without / at its start"),
    ([CLASSES, "masks: '/m/{name}.png'", SHARES], "masks = .*without / at its start"),
    ([CLASSES, "masks: 'C:\\m\\{name}.png'", SHARES], "masks = .*without / at its start"),
    (
        [CLASSES, "masks: '{split}/{name}.png'", SHARES],
        r"\{split\} in a pattern needs splits",
    ),
    ([CLASSES, "masks: '{x}/{name}.png'", SHARES], r"masks = .*and \{split\} at most once"),
    ([CLASSES, "splits: {val: 1.5}"], "splits.val = 1.5: .*less than 1"),
    ([CLASSES, "splits: {val: 0.5, test: 0.5}"], "splits: val and test leave nothing"),
    ([CLASSES, "splits: {vall: 0.5}"], "splits: unknown key 'vall'; did you mean 'val'"),
    ([CLASSES, "splits: {train: a.txt}"], "splits.val is missing"),
    ([CLASSES, "splits: {train: a.txt, val: 0.2}"], "splits.val = 0.2: .*string"),
    ([CLASSES, "splits: 5"], "splits = 5: .*"),
    ([CLASSES, "splits: {folds: 1}"], "splits.folds = 1: .*greater than or equal to 2"),
    ([CLASSES, "splits: {folds: 3, fold: 3}"], "splits: fold = 3: there are folds 0 to 2"),
    ([CLASSES, "splits: {val: 0.2, group: '('}"], "splits.group = '\\(': not a regular"),
    ([CLASSES, "splits: {val: 0.2, seed: -1}"], "splits.seed = -1: .*greater than"),
]


@pytest.mark.parametrize(("lines", "message"), BAD)
def test_a_mistake_is_one_line_that_names_file_and_key(
    lines: list[str], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path, *lines)
    with pytest.raises(InputError, match=message) as raised:
        read_description(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)
