"""The first settings are shown in full, and no number of the others is lost."""

import random

import pytest
from matplotlib.figure import Figure

from ablations.run_config import RunConfig
from reports.comparison import Comparison, comparisons
from reports.page import Fold, Part, Picture, Table, unfolded
from reports.sections import (
    FILES,
    Pictures,
    all_numbers,
    folded,
    number_of_files,
    sections_of,
)
from tests.many_records import configs, fake_record
from tests.test_records import record


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The settings of which pictures were drawn; instead of each there is an empty one."""
    names: list[str] = []

    def pictures(comparison: Comparison, name: str) -> list[Part]:
        names.append(name)
        return [Picture(name, "nothing", Figure()), Picture(f"{name}-2", "", Figure())]

    monkeypatch.setattr("reports.sections.pictures", pictures)
    return names


def compared(settings: int) -> list[Comparison]:
    draw = random.Random(0)
    return comparisons(fake_record(config, draw) for config in configs(settings, seed=0))


@pytest.mark.parametrize(
    ("settings", "which", "whole", "named"),
    [
        (1, "few", 1, 1),
        (3, "few", 3, 2),  # of 2 tables and 2 pictures: 12 files each
        (12, "few", 4, 2),
        (13, "few", 1, 1),
        (13, "all", 13, 13),
        (7, "none", 4, 4),  # of 2 tables: 6 files each
    ],
)
def test_the_first_settings_are_whole(
    settings: int, which: Pictures, whole: int, named: int, drawn: list[str]
) -> None:
    sections = sections_of(compared(settings), [], which, {})
    flags = [one.is_whole for one in sections]
    assert flags == [number < whole for number in range(settings)]
    files = sum(number_of_files(one.parts) for one in sections)
    assert files == named * (6 if which == "none" else 12)
    assert files <= FILES or which == "all"
    assert len(drawn) == (0 if which == "none" else whole)


def test_every_setting_has_its_table_on_a_page_that_can_fold() -> None:
    parts = list(folded(sections_of(compared(13), [], "few", {})))
    folds = [part for part in parts if isinstance(part, Fold)]
    assert len({fold.anchor for fold in folds}) == len({fold.title for fold in folds}) == 13
    assert all(isinstance(fold.parts[0], Table) for fold in folds)
    shown = [part for part in unfolded(parts) if isinstance(part, Table)]
    assert shown == [part for part in folds[0].parts if isinstance(part, Table)]


def test_all_numbers_hold_every_setting_in_its_order() -> None:
    found = compared(13)
    numbers = all_numbers(sections_of(found, [], "none", {}))
    assert numbers is not None
    assert len(numbers) == 13 * 9
    for number, one in enumerate(found):
        rows = numbers.iloc[9 * number : 9 * number + 9]
        assert set(rows["lr"]) == {one.setting["lr"]}
        assert rows["block"].tolist() == one.numbers["block"].tolist()
        assert rows["gain"].tolist() == pytest.approx(one.numbers["gain"].tolist())


def test_a_setting_without_a_baseline_has_scores_among_all_numbers() -> None:
    settings = {"none": 0.01, "se": 0.01, "gc": 0.02}
    records = [record(RunConfig(block=block, lr=lr)) for block, lr in settings.items()]
    numbers = all_numbers(sections_of(comparisons(records), [], "few", {}))
    assert numbers is not None
    last = numbers.iloc[-1]
    assert (last["block"], last["miou"], last["lr"]) == ("gc", 0.5, 0.02)
    assert numbers["gain"].isna().tolist() == [False, False, True]
