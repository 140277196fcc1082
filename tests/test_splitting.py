"""Shares and folds of names: a function of names, seed and groups alone."""

from collections import Counter
from pathlib import Path

import pytest

from ablations.errors import InputError
from lightning_modules.data.description import Folds, Shares
from lightning_modules.data.folder_splits import part
from lightning_modules.data.splitting import places

FILE = Path("classes.yaml")
NAMES = [f"image {number}" for number in range(97)]
FRAMES = [f"film{film}_{frame:03}" for film in range(23) for frame in range(1 + film % 5)]


def parts(names: list[str], splits: Shares | Folds) -> dict[str, str]:
    found = places(names, splits.seed, splits.group, FILE)
    return {name: part(splits, place) for name, place in found.items()}


@pytest.mark.parametrize(("val", "test"), [(0.2, 0.1), (0.5, 0.0), (0.03, 0.9)])
def test_shares_are_kept_to_one_image(val: float, test: float) -> None:
    counts = Counter(parts(NAMES, Shares(val=val, test=test)).values())
    assert abs(counts["val"] - val * len(NAMES)) <= 1
    assert abs(counts["test"] - test * len(NAMES)) <= 1
    assert counts.total() == len(NAMES)


def test_every_image_is_in_one_fold_and_folds_are_equal_to_one_image() -> None:
    splits = [parts(NAMES, Folds(folds=5, fold=fold)) for fold in range(5)]
    held = [{name for name in NAMES if split[name] == "val"} for split in splits]
    assert sorted(name for fold in held for name in fold) == sorted(NAMES)
    assert {len(fold) for fold in held} == {19, 20}
    assert {name for split in splits for name in split.values()} == {"train", "val"}


def test_the_order_in_which_names_are_found_does_not_matter() -> None:
    shares = Shares(val=0.3, seed=4)
    assert parts(NAMES, shares) == parts(NAMES[::-1], shares)
    assert parts(NAMES, shares) != parts(NAMES, Shares(val=0.3, seed=5))


def test_new_images_move_few_old_ones() -> None:
    """Ten more of 97: a new order would move about 2 * 0.2 * 0.8 of the old ones, 31."""
    before = parts(NAMES, Shares(val=0.2))
    after = parts([*NAMES, *(f"new {number}" for number in range(10))], Shares(val=0.2))
    assert sum(before[name] != after[name] for name in NAMES) <= 3


@pytest.mark.parametrize("group", ["(.*)_[0-9]+", r"(film\d+)_.*"])
def test_groups_stay_together(group: str) -> None:
    split = parts(FRAMES, Shares(val=0.3, test=0.2, group=group))
    films = {(name.partition("_")[0], where) for name, where in split.items()}
    assert len(films) == 23
    assert {where for _, where in films} == {"train", "val", "test"}
    counts = Counter(split.values())
    assert abs(counts["val"] - 0.3 * len(FRAMES)) <= 5  # the largest group


def test_a_name_without_a_group_is_named() -> None:
    with pytest.raises(
        InputError, match=r"yaml: splits.group = 'a\+' does not match .*'b'"
    ):
        places(["a", "b"], 0, "a+", FILE)
