"""A table in a paper fits its text, is aligned, marks the best, and explains itself."""

from pathlib import Path

import pytest
from pandas import DataFrame

from ablations.cli import main
from ablations.errors import InputError
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from reports.column_choice import fitting, with_columns
from reports.columns import COMPARISON
from reports.page import WIDE, Column, Fold, Paper, Part, Table, Text
from reports.report import ReportOptions, write_report
from reports.units import count, percent, points, probability, share, times
from reports.write import latex
from reports.write.siunitx import marked, numbers_of
from tests.latex_document import compiled, overfull
from tests.test_records import record

BLOCKS = ["none", "se(ratio=4)", "gc", "psa_parallel", "matched_params(psa_parallel)"]


def column(show: object, best: str = "") -> Column:
    return Column("x", "X", show, best=best)  # type: ignore[arg-type]


def cells(one: Column, values: list[object]) -> tuple[str, list[str]]:
    """The specification of a column in LaTeX, and its cells."""
    table = Table(DataFrame({"x": DataFrame({"x": values})["x"].astype(object)}), [one])
    lines = latex.table(table).splitlines()
    [begin] = [line for line in lines if line.startswith(r"\begin{tabular}")]
    body = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    return begin.removeprefix(r"\begin{tabular}"), [
        row.removesuffix(r" \\") for row in body
    ]


@pytest.mark.parametrize(
    ("show", "values", "specification", "expected"),
    [
        (points, [0.016, -0.1234, None], "+2.2", ["+1.60", "-12.34", "{--}"]),
        (count, [1234567, 5.0], "7.0", ["1234567", "5"]),
        (probability, [0.0625, 1.0, 1.25e-05], "1.4e-1", ["0.0625", "1", "1.25e-5"]),
        (share, [0.1, 12.5], "+4.2", ["+10.00", "+1250.00"]),
        (times, [10.0, "not counted: a_b"], "2.1", ["10.0", r"{not counted: a\_b}"]),
    ],
)
def test_numbers_are_aligned_at_the_decimal_point(
    show: object, values: list[object], specification: str, expected: list[str]
) -> None:
    column_type, body = cells(column(show), values)
    assert column_type == f"{{@{{}}S[table-format={specification}]@{{}}}}"
    assert body == expected


def test_a_unit_behind_every_number_moves_to_the_header() -> None:
    table = Table(DataFrame({"x": [0.1, -0.2]}), [Column("x", "Added", share)])
    text = latex.table(table)
    assert "{Added} \\\\\n{(\\%)} \\\\" in text
    assert " %" not in text.partition(r"\midrule")[2]


def test_a_column_without_numbers_is_text() -> None:
    column_type, body = cells(column(percent), [None, None])
    assert column_type == "{@{}r@{}}"
    assert body == ["--", "--"]


@pytest.mark.parametrize(
    ("best", "values", "expected"),
    [
        ("max", [0.5, 0.71239, 0.71241, 0.6, 0.6], ["50.00", "B", "B", "U", "U"]),
        ("min", [0.5, 0.7, None], ["B", "U", ""]),
        ("max", [0.5, 0.5], ["50.00", "50.00"]),
        ("max", [0.5, None], ["50.00", ""]),
        ("", [0.5, 0.7], ["50.00", "70.00"]),
    ],
)
def test_the_best_and_the_second_best_are_marked_with_their_ties(
    best: str, values: list[float | None], expected: list[str]
) -> None:
    one = column(percent, best)
    numbers = numbers_of(one, [percent(value) for value in values])
    assert numbers is not None
    kinds = [
        "B" if r"\bfseries" in cell else "U" if r"\underline" in cell else cell
        for cell in marked(numbers, one)
    ]
    assert kinds == expected


def test_an_underlined_number_has_the_width_of_its_column() -> None:
    _, body = cells(column(points, "max"), [-0.1, 0.0123, 0.25])
    assert body == ["-10.00", r"{$\phantom{0}\underline{+1.23}$}", r"\bfseries +25.00"]


def test_negative_numbers_are_worse_than_positive_ones() -> None:
    _, body = cells(column(points, "max"), [-0.05, 0.01, -0.02])
    assert body == ["-5.00", r"\bfseries +1.00", r"{$\underline{-2.00}$}"]


def test_seven_columns_fit_and_no_interval_is_cut() -> None:
    ranks = {"a": 0, "b": 3, "c": 1, "d": 2, "e": WIDE}
    columns = [Column(name, name, str, rank=rank) for name, rank in ranks.items()]
    low, high = [Column(n, n, str, group="95 %", rank=2) for n in ("low", "high")]
    columns += [low, high]
    names = [[one.name for one in fitting(columns, most)] for most in range(1, 7)]
    assert names == [
        ["a"],
        ["a", "c"],
        ["a", "c", "d"],
        ["a", "c", "d"],
        ["a", "c", "d", "low", "high"],
        ["a", "b", "c", "d", "low", "high"],
    ]
    assert len(fitting(COMPARISON)) <= 7


PAPER = Table(
    DataFrame({"block": ["se"], "gain": [0.1], "why": ["so"], "params": [3]}),
    [
        Column("block", "Block", str, "left"),
        Column("gain", "Gain", points, tip="why"),
        Column("params", "Params", count),
    ],
    "comparison",
    paper=Paper([], "Caption"),
)


def test_columns_are_chosen_by_name_in_every_table_for_papers() -> None:
    other = PAPER._replace(columns=PAPER.columns[:2])
    plain = PAPER._replace(paper=None)
    parts: list[Part] = [Text("x"), PAPER, Fold("more", [other]), plain]
    text, first, fold, last = with_columns(parts, ["params", "gain"])
    assert text is parts[0]
    assert last is plain
    assert isinstance(first, Table)
    assert isinstance(fold, Fold)
    assert first.paper is not None
    assert [one.name for one in first.columns] == ["params", "gain"]
    assert first.paper.columns == first.columns
    assert list(first.numbers) == ["params", "gain", "why"]  # why explains the gain
    [inner] = fold.parts
    assert isinstance(inner, Table)
    assert [one.name for one in inner.columns] == ["gain"]


def test_an_unknown_column_is_refused_with_those_that_exist() -> None:
    message = r"unknown column 'gian'; did you mean 'gain'\? \(known: block, gain, params\)"
    with pytest.raises(InputError, match=message):
        with_columns([PAPER], ["gian"])


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five blocks, one with a long name, with three seeds, of which one lacks a block."""
    monkeypatch.setattr("reports.section.pictures", lambda *arguments: [])
    folder = tmp_path / "runs"
    for number, block in enumerate([*BLOCKS, "my_package.my_long_file:MyBlock(ratio=8)"]):
        for seed in range(3 if number else 4):
            config = RunConfig(
                block=block, seed=seed, source="block=a" if number > 4 else ""
            )
            one = record(config, 0.7 + 0.013 * (number + 1) * (seed + 1) / 7)
            sizes = {
                "params": 12_345_678 * (number + 1),
                "macs": 10**11,
                "device": "A_B 80GB",
            }
            one.model_copy(update=sizes).write(RunFolder(folder, config).record)
    return folder


def test_the_table_of_a_study_fits_the_text_of_an_article(
    runs: Path, tmp_path: Path
) -> None:
    write_report(runs, tmp_path / "out")
    names = "block,miou,gain,gain_low,gain_p_holm,params"
    write_report(runs, tmp_path / "chosen", options=ReportOptions(columns=names.split(",")))
    files = [tmp_path / name / "comparison.tex" for name in ("out", "chosen")]
    log = compiled("\n".join(rf"\input{{{file}}}" for file in files), tmp_path)
    assert overfull(log) == []


def test_the_test_of_the_width_can_fail(tmp_path: Path) -> None:
    assert len(overfull(compiled(r"\noindent\rule{\textwidth}{1pt}x", tmp_path))) == 1


def test_a_caption_says_what_was_trained_where(runs: Path, tmp_path: Path) -> None:
    write_report(runs, tmp_path / "out")
    text = (tmp_path / "out" / "comparison.tex").read_text()
    for fact in (
        "deeplabv3plus with resnet18 (random weights), placement residual, on digits.",
        "400 steps of 16 images of 64x64, adamw with a learning rate of 0.002.",
        "mIoU of the validation split after the last step, 3 to 4 seeds.",
        r"Trained on A\_B 80GB.",
        r"\label{tab:comparison}",
        r"% Needs \usepackage{booktabs} and \usepackage{siunitx}",
        "Bold: best; underlined: second best",
    ):
        assert fact in text


def test_the_command_line_chooses_columns(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["report", str(runs), "--out", str(tmp_path / "out"), "--columns"]
    assert main([*command, "block,seeds,gain"]) == 0
    assert "| Block " in capsys.readouterr().out
    lines = (tmp_path / "out" / "comparison.csv").read_text().splitlines()
    assert lines[0] == "block,seeds,gain"
    page = (tmp_path / "out" / "report.md").read_text()
    assert [line.count("|") for line in page.splitlines() if " Seeds |" in line][:1] == [4]
    notes = (tmp_path / "out" / "comparison.tex").read_text().partition("minipage")[2]
    assert "Gain: mean over seeds" in notes
    assert "std:" not in notes
    assert main([*command, "block,sedes"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "unknown column 'sedes'; did you mean 'seeds'?" in line
