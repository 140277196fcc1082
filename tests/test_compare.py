"""Two sets of runs are paired by configuration; every number can be checked by hand."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from ablations.cli import main
from ablations.errors import InputError
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from reports.compare import changes, compared_blocks, paired
from reports.export import write_export
from tests.test_records import record
from tests.test_report import ODD, odd_block


def one(miou: float = 0.5, update: dict[str, Any] | None = None, **keys: Any) -> RunRecord:
    return record(RunConfig(**keys), miou).model_copy(update=update or {})


A = [
    one(0.50, {"train_seconds": 1.0}),
    one(0.51, {"train_seconds": 2.0}, seed=1),
    one(0.60, {"train_seconds": 4.0}, block="se"),
    one(0.61, {"train_seconds": 3.0}, block="se", seed=1),
    one(0.40, block="se", placement="stages"),
    one(0.30, block="gc"),
]
B = [
    one(0.61, {"train_seconds": 6.0}, block="se", seed=1),
    one(0.63, {"train_seconds": 2.0}, block="se"),
    one(0.50, {"train_seconds": 9.0}),
    one(0.50, {"train_seconds": 2.0}, seed=1),
    one(0.40, block="se", placement="stages"),
    one(0.70, block="ea", seed=5),
]


def test_runs_are_paired_by_their_configuration() -> None:
    pairing = paired(A, B)
    assert [(pair.a.config, pair.a.miou, pair.b.miou) for pair in pairing.pairs] == [
        (A[0].config, 0.50, 0.50),
        (A[1].config, 0.51, 0.50),
        (A[2].config, 0.60, 0.63),
        (A[3].config, 0.61, 0.61),
        (A[4].config, 0.40, 0.40),
    ]
    assert all(pair.a.config == pair.b.config for pair in pairing.pairs)
    assert [pair.is_equal for pair in pairing.pairs] == [True, False, False, True, True]
    assert pairing.only_a == [A[5]]
    assert pairing.only_b == [B[5]]


def test_a_block_has_its_means_their_difference_and_their_ratio() -> None:
    (first, residual), (second, stages) = compared_blocks(paired(A, B).pairs)
    assert (first["placement"], second["placement"]) == ("residual", "stages")
    assert list(residual["block"]) == ["none", "se"]
    se = residual.set_index("block").loc["se"]
    assert se["seeds"] == 2
    assert se["miou_a"] == pytest.approx(0.605)
    assert se["miou_b"] == pytest.approx(0.62)
    assert se["difference"] == pytest.approx(0.015)
    low, high = stats.t.interval(0.95, 1, 0.015, stats.sem([0.03, 0.0]))
    assert (se["difference_low"], se["difference_high"]) == pytest.approx((low, high))
    assert se["seconds_ratio"] == pytest.approx((2 / 4 * 6 / 3) ** 0.5)
    assert se["equal"] == 1
    assert residual.set_index("block").loc["none", "seconds_ratio"] == pytest.approx(3)
    assert stages["equal"].tolist() == [1]


def test_seconds_are_the_devices_only_if_both_sides_have_them() -> None:
    def ratio(*seconds: float | None) -> float:
        pair = [one(0.5, {"compute_seconds": s, "train_seconds": 7.0}) for s in seconds]
        [(_, table)] = compared_blocks(paired(pair[:1], pair[1:]).pairs)
        return float(table["seconds_ratio"].iloc[0])

    assert ratio(2.0, 3.0) == pytest.approx(1.5)
    assert ratio(2.0, None) == 1
    assert ratio(2.0, 0.0) != ratio(2.0, 0.0)  # NaN


@pytest.mark.parametrize(
    ("update", "equal"),
    [
        ({"val_loss": 1.0000000000000002}, False),
        ({"iou": {"background": 0.5000000000000001, "one": None}}, False),
        ({"device": "other", "train_seconds": 9.0, "commit": "b", "notes": ("x",)}, True),
    ],
)
def test_equal_means_every_score_and_loss_to_the_last_bit(
    update: dict[str, Any], equal: bool
) -> None:
    [pair] = paired([one(0.5)], [one(0.5, update)]).pairs
    assert pair.is_equal is equal


def test_ignored_keys_may_differ() -> None:
    ours = [one(0.5, block="my_file:B", source="block=a"), one(0.5)]
    theirs = [one(0.6, block="my_file:B", source="block=b", evaluation="direct")]
    message = "differ in evaluation, source .evaluation: 'fast' in A, 'direct' in B"
    with pytest.raises(InputError, match=message):
        paired(ours[:1], theirs)
    [pair] = paired(ours, theirs, ["source", "evaluation"]).pairs
    assert pair.difference == pytest.approx(0.1)
    table = changes([pair], ["source", "evaluation"])
    assert table.to_numpy().tolist() == [
        ["source", "block=a", "block=b", 1],
        ["evaluation", "fast", "direct", 1],
    ]


def test_runs_that_ignored_keys_alone_tell_apart_are_refused() -> None:
    with pytest.raises(InputError, match=r"in A, none-.*-s0-.* and none-.*-s1-.* differ"):
        paired([one(), one(seed=1)], [one()], ["seed"])


def test_other_devices_versions_commits_and_data_are_counted() -> None:
    other = {"device": "gpu", "versions": {"numpy": "2"}, "commit": "b"}
    table = changes(paired([one(), one(seed=1)], [one(0.5, other), one(seed=1)]).pairs, [])
    assert table.to_numpy().tolist() == [
        ["Device", "cpu", "gpu", 1],
        ["Version of torch", "2", "not stated", 1],
        ["Commit", "abc", "b", 1],
        ["Version of numpy", "not stated", "2", 1],
    ]


def write(records: Iterable[RunRecord], folder: Path) -> str:
    for each in records:
        each.write(RunFolder(folder, each.config).record)
    return str(folder)


def test_the_page_begins_with_a_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = write(A, tmp_path / "a"), write(B, tmp_path / "b")
    assert main(["compare", a, b, "--out", str(tmp_path / "out"), "--wide"]) == 0
    page = " ".join((tmp_path / "out" / "compare.md").read_text().split())
    values = [0.0, -1.0, 3.0, 0.0, 0.0]
    low, high = stats.t.interval(0.95, 4, 0.4, stats.sem(values))
    for text in (
        "**5 runs in both; 3 bit-equal.**",
        f"The largest difference in mIoU is +3.00 points, of `{A[2].config.run_id}`.",
        "Over all pairs mIoU differs by +0.40 points (B - A); the 95 % interval, "
        f"{low:+.2f} to {high:+.2f}, holds 0.",
        f"## Only in A: 1 run * `{A[5].config.run_id}`",
        f"## Only in B: 1 run * `{B[5].config.run_id}`",
        "Nothing: devices, versions, commits and data are the same.",
    ):
        assert text in page
    assert (tmp_path / "out" / "compare.tex").exists()
    assert "5 runs in both; 3 bit-equal." in capsys.readouterr().out


def test_other_data_are_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = write([one()], tmp_path / "a")
    b = write([one(0.6, {"data": "digits 2"})], tmp_path / "b")
    assert main(["compare", a, b]) == 0
    printed = capsys.readouterr().out
    assert "The data of 1 pair differ, so their results need not agree." in printed
    assert "interval" not in printed.partition("A pair is")[0]  # of one pair


def test_strict_fails_unless_all_is_equal(tmp_path: Path) -> None:
    a = write(A[:2], tmp_path / "a")
    write_export(A[:2], tmp_path / "same.csv")
    assert main(["compare", a, str(tmp_path / "same.csv"), "--strict"]) == 0
    assert main(["compare", a, write(A[:1], tmp_path / "less"), "--strict"]) == 1
    assert main(["compare", a, write(B[2:4], tmp_path / "other"), "--strict"]) == 1
    assert main(["compare", a, str(tmp_path / "other")]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ignore", "sauce"], "unknown key 'sauce'; did you mean 'source'?"),
        (["--ignore", ""], "unknown key ''"),
    ],
)
def test_a_key_that_is_none_is_refused(
    tmp_path: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    a = write([one()], tmp_path / "a")
    assert main(["compare", a, a, *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line


def test_odd_names_are_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides: dict[str, list[RunRecord]] = {"<b>a": [], "_b_|c": []}
    for number, name in enumerate(ODD):
        for miou, side in zip((0.5, 0.6), sides.values(), strict=True):
            texts = {"device": name + str(miou), "commit": name, "data": name + str(miou)}
            side.append(one(miou, texts, block=odd_block(name), seed=number))
    a, b = [write(side, tmp_path / name) for name, side in sides.items()]
    assert main(["compare", a, b, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    page = (tmp_path / "out" / "compare.md").read_text()
    for content in (printed, page):
        assert all(sign.isprintable() for sign in content.replace("\n", ""))
    outside_code = "".join(page.split("`")[::2])
    for harm in ("<script", "<img", "](javascript", "| injected | row |"):
        assert harm not in outside_code
