"""The PSA paper's complexity tables, counted again: verdicts, reasons, current files."""

from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

from ablations.complexity.conventions import CONVENTIONS
from reports.psa_paper.caveats import warnings
from reports.psa_paper.growth import exact_terms, exceeding, parse, table_1, term
from reports.psa_paper.networks import BASELINE_50, HRNET_32, ROWS, RebuiltRow, deeplab
from reports.psa_paper.pages import chapters, psa_page
from reports.psa_paper.printed import printed_rows
from reports.psa_paper.rounding import bounds, is_cut_to, rounds_to, rounds_to_fewer
from reports.psa_paper.tables import (
    ablation_counts,
    ablation_table,
    accuracy_table,
    verdicts,
)
from reports.psa_paper.verdicts import JudgedCell, judge, judge_table, meeting
from reports.write.pages import write_page
from tests.latex_document import LARGE, compiled

# On one worker, where counts are cached and shared with test_paper_models.py.
pytestmark = pytest.mark.xdist_group("paper")

GENERATED = Path(__file__).parents[1] / "reports" / "generated"
UNCOMMITTED = {".svg", ".png", ".pdf", ".html"}  # drawn or laid out by other programs
HRNET_TOOL, THOP = CONVENTIONS["hrnet"], CONVENTIONS["thop"]


@pytest.fixture(scope="session")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("psa")
    page = psa_page([count() for count in chapters(None)])
    assert write_page(page, out, "psa") == out / "psa.md"
    return out


def test_what_is_committed_is_what_the_code_gives(output: Path) -> None:
    """If this fails: `ablate reproduce psa --out reports/generated`."""
    names = {path.name for path in output.iterdir() if path.suffix not in UNCOMMITTED}
    assert len(names) > 30
    assert names <= {path.name for path in GENERATED.iterdir()}
    stale = [
        name
        for name in sorted(names)
        if (output / name).read_text() != (GENERATED / name).read_text()
    ]
    assert stale == []


def test_every_table_of_counts_says_that_its_counters_agree(output: Path) -> None:
    for name in ("psa_table_1", "psa_table_2", "psa_table_3", "psa_table_4", "psa_table_6"):
        page = (output / f"{name}.md").read_text()
        assert "Counters: fvcore" in page
        assert "NOT EXPLAINED" not in page


def test_the_guide_shows_the_verdicts(output: Path) -> None:
    table = (output / "psa_verdicts.md").read_text().partition("\n\n")[2].strip()
    assert table in (GENERATED.parent / "README.md").read_text()


@cache
def cells_of(table: int) -> list[JudgedCell]:
    return list(judge_table(table, THOP if table == 3 else HRNET_TOOL))


def test_most_cells_of_tables_2_and_3_are_exact() -> None:
    two, three = verdicts([*cells_of(2), *cells_of(3)]).to_dict("records")
    assert (two["cells"], three["cells"]) == (16, 12)
    assert two["exact to the printed digit"] == 14
    assert two["copied from a README"] == 2
    assert three["exact to the printed digit"] == 9
    assert three["convention"] == 1
    assert three["undetermined"] == 2


def test_the_reason_names_the_variant_that_fits_and_those_that_do_not() -> None:
    [params] = [j for j in cells_of(2) if j.row == (2, 2) and j.metric == "mPara"]
    assert params.reason == (
        "PSA_s in 16 Bottlenecks: 36.131; excluded: PSA_p in 16 Bottlenecks 36.518, "
        "Figure 2's PSA in 16 Bottlenecks 36.535"
    )
    [flops] = [j for j in cells_of(2) if j.row == (2, 6) and j.metric == "Flops"]
    assert "excluded: PSA_p in 108 residual blocks 17.220" in flops.reason


def test_the_mobilenet_row_stays_open() -> None:
    [flops] = [j for j in cells_of(3) if j.row == (3, 2) and j.metric == "Flops"]
    assert flops.ours is None
    assert (
        "4 candidates fit both cells, and counting cannot tell them apart" in flops.reason
    )
    assert "Excluded: PSA_p after 17 depthwise convolutions (25.086 G" in flops.reason


def test_rows_on_a_printed_base_tell_the_layouts_apart() -> None:
    cells = {(j.row, j.metric): j for j in cells_of(4)}
    parallel = cells[(4, 18), "mPara"]
    assert parallel.verdict == "variant"
    assert "63.750 to 63.795 if PSA_p in 104 BasicBlocks adds 6.355" in parallel.reason
    assert "none if PSA_s in 104 BasicBlocks adds 5.385" in parallel.reason


@pytest.fixture
def misprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper prints 99.9G and 99.9M for its first row."""
    for name in ("Flops", "mPara"):
        monkeypatch.setitem(printed_rows()[2, 1].cells, name, "99.9")


@pytest.mark.usefixtures("misprint")
def test_a_figure_that_nothing_gives_is_undetermined() -> None:
    cell = judge((2, 1), RebuiltRow(BASELINE_50), "mPara", HRNET_TOOL)
    assert cell.verdict == "undetermined"
    assert "for the same network Table 4, row 4 prints 34.0M" in cell.reason


def test_another_convention_or_variant_is_recognised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    under_torch = judge((3, 3), ROWS[3, 3], "Flops", CONVENTIONS["torch"])
    assert under_torch.verdict == "convention"
    assert "thop" in under_torch.reason
    bare = deeplab("resnet50")
    other = RebuiltRow(bare, others=(bare.with_block("psa_parallel_code"),))
    assert judge((3, 4), other, "mPara", THOP).verdict == "variant"
    assert judge((2, 5), RebuiltRow(HRNET_32), "mPara", HRNET_TOOL).verdict == (
        "exact to the printed digit"
    )


@pytest.mark.parametrize(
    ("figure", "printed", "rounds", "cut"),
    [
        ("20.866", "20.9G", True, False),
        ("5.2257", "5.22M", False, True),
        ("17.05", "17.1G", True, False),  # half rounds up
        ("17.0499", "17.1G", False, False),
        ("34", "34.0M", True, True),
    ],
)
def test_digits_are_compared_as_they_are_printed(
    figure: str, printed: str, rounds: bool, cut: bool
) -> None:
    assert rounds_to(Fraction(figure), printed) == rounds
    assert is_cut_to(Fraction(figure), printed) == cut


def test_a_zero_may_stand_behind_a_rounded_figure() -> None:
    assert rounds_to_fewer(Fraction("7.12"), "7.10G")
    assert not rounds_to_fewer(Fraction("7.12"), "7.1G")
    assert not rounds_to_fewer(Fraction("8.99"), "8.90G")


def test_bounds_of_a_printed_figure_are_half_a_digit_away() -> None:
    assert bounds("63.8M") == (Fraction("63.75"), Fraction("63.85"))
    meet = meeting("63.8", "70.1", Fraction("6.355"))
    assert meet == (Fraction("63.75"), Fraction("63.795"))
    assert meeting("63.8", "70.1", Fraction("5.385")) is None


def test_printed_growth_is_read_as_powers_of_channels_and_positions() -> None:
    assert parse("C^2WH + CW^2H^2") == [(2, 1), (1, 2)]
    with pytest.raises(ValueError, match="not a sum of powers"):
        parse("C log(WH)")


def test_terms_are_exact_and_say_what_exceeds_the_claim() -> None:
    """PSA, Figure 2: three 1x1 convolutions to C / 2, one to 1, two products."""
    terms = exact_terms("psa_parallel", "direct")
    assert terms == {(2, 1): Fraction(3, 2), (1, 1): 2, (2, 0): Fraction(1, 2)}
    assert exceeding(terms, parse("CWH")) == [(2, 1)]
    assert exceeding(terms, parse("C^2WH")) == []
    assert term((2, 1), Fraction(3, 2)) == "1.5 C^2 N"


def test_fast_earns_the_claim_that_direct_does_not() -> None:
    table = table_1().set_index(["block", "evaluation"])
    for block in ("psa_parallel", "psa_sequential"):
        assert table.loc[(block, "direct"), "exceeds"] == "C^2 N"
        assert table.loc[(block, "fast"), "exceeds"] == ""
    growth = table["growth_channels"]
    assert growth["psa_parallel", "direct"] == pytest.approx(2, abs=0.02)
    assert growth["psa_parallel", "fast"] == pytest.approx(1, abs=0.02)
    assert table.loc[("non_local", "direct"), "growth_positions"] == pytest.approx(
        2, abs=0.05
    )


def test_the_ablation_has_every_block_and_both_evaluations() -> None:
    table = ablation_table(ablation_counts(), CONVENTIONS["macs"]).set_index("block")
    assert table.loc["none", "params"] == 33_999_697
    assert table.loc["psa_parallel_code", "params"] == 36_518_417
    assert (table["fast"] <= table["direct"])[["psa_parallel", "psa_sequential"]].all()


@pytest.mark.parametrize("table", [2, 3, 4, 5])
def test_accuracies_are_as_printed_and_come_with_warnings(table: int) -> None:
    numbers = accuracy_table(table)
    assert {"Flops", "mPara"}.isdisjoint(numbers.columns)
    assert len(numbers) == sum(key[0] == table for key in printed_rows())
    assert "nothing here was trained" in warnings(table)[0]
    assert len(warnings(table)) > 1


def test_the_warning_on_boxes_is_computed_from_the_printed_cells() -> None:
    boxes = warnings(2)[1]
    assert "AP50 is 93.6 in every PSA row" in boxes
    assert "AR - AP is 2.3 to 2.5 there against 4.9 to 5.4" in boxes


def test_a_psanet_row_is_not_a_psa_row() -> None:
    assert "The PSA rows print 86.95 and 86.72 mIoU." in warnings(5)[1]


def test_latex_compiles(output: Path, tmp_path: Path) -> None:
    tables = sorted(output.glob("*.tex"))
    assert len(tables) > 10
    inputs = [rf"\input{{{path.as_posix()}}}\clearpage" for path in tables]
    compiled("\n".join(inputs), tmp_path, LARGE)
    assert (tmp_path / "all.pdf").stat().st_size > 10_000
