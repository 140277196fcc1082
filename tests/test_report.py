"""A report shows every record, names every failure, and leaves nothing unescaped."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from pandas import DataFrame, read_csv

from ablations.cli import main
from ablations.errors import InputError
from ablations.notation import Part, parse_part
from ablations.records import Failure
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from reports.page import Column, Page, Table
from reports.plots import family
from reports.report import ReportOptions, write_report
from reports.section import no_pictures
from reports.terminal import show
from reports.units import millions, percent, points, share
from reports.write import latex, markdown
from sweeps.study.study import Study
from tests import many_records
from tests.latex_document import LARGE, compiled
from tests.planned_runs import configs
from tests.test_records import record

ODD = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "a\n| injected | row |",
    "\x1b]0;title\x07\x1b[31m",
    "\u202egnp.exe",
    "=1+1",
    "@SUM(A1)",
    "$$",
    r"\input{/etc/passwd}",
    "`code` *bold* _it_ ~~no~~ &lt; a|b",
    "[2cm] *x",
    "block",
    "Block",
    "x" * 3000,
]
HOSTILE = r"a|b_<script>&50%\n"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A baseline and two blocks, two seeds each; one run has failed."""
    folder = tmp_path / "runs"
    for block, miou in {"none": 0.5, "se": 0.52, "my_file:Own": 0.48}.items():
        for seed in (0, 1):
            config = RunConfig(block=block, seed=seed)
            macs = 100 if block == "none" else 120
            one = record(config, miou + seed / 100).model_copy(update={"macs": macs})
            one.write(RunFolder(folder, config).record)
    lost = RunConfig(block="cbam")
    failure = Failure(config=lost, kind="error", reason=HOSTILE, log="")
    failure.write(RunFolder(folder, lost).failure)
    return folder


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the pictures, which take most of the time of a report."""
    monkeypatch.setattr("reports.sections.pictures", no_pictures)


def terminal_text(page: Page, wide: bool = False) -> str:
    """The page as `ablate report` prints it."""
    with redirect_stdout(StringIO()) as output:
        show(page.parts, wide)
    return output.getvalue()


def test_a_report_holds_tables_plots_and_failures(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = write_report(runs, out)
    page, summary = report.page.read_text(), terminal_text(report.summary)
    assert str(out / "report.html") in summary
    assert "| SE " in summary
    assert "6 finished runs, 1 failed" in page
    assert r"a\|b" in page
    for line in ("| SE ", "| my_file:Own ", "+2.00"):
        assert line in page
    numbers = read_csv(out / "comparison.csv").set_index("block")
    assert numbers.loc["se", "gain"] == pytest.approx(0.02)  # base units
    assert numbers.loc["se", "added_macs_share"] == pytest.approx(0.2)
    for name in (
        "comparison.svg",
        "comparison.png",
        "comparison.tex",
        "comparison-curves.svg",
    ):
        assert (out / name).stat().st_size > 400
    for name in ("SE", "Own", "Baseline"):
        assert name in page


@pytest.mark.usefixtures("without_pictures")
def test_a_report_states_the_noise_floor_of_repeats(runs: Path, tmp_path: Path) -> None:
    assert "Noise floor" not in write_report(runs, tmp_path / "out").page.read_text()
    for repeat, miou in {1: 0.503, 2: 0.498}.items():
        config = RunConfig(repeat=repeat)
        record(config, miou).write(RunFolder(runs, config).record)
    page = " ".join(write_report(runs, tmp_path / "out").page.read_text().split())
    # the first has 0.5, so the differences are 0.3, 0.2 and 0.5 points
    assert "differs by at most 0.50 points, and by 0.33 on average (3 pairs)" in page
    numbers = read_csv(tmp_path / "out" / "comparison.csv").set_index("block")
    assert numbers.loc["none", "seeds"] == 2


def test_a_report_draws_controls_in_a_colour_of_their_own(
    runs: Path, tmp_path: Path
) -> None:
    changes = [{"block": "matched_params(se)"}, {"block": "se", "init": "identity"}]
    for config in [
        RunConfig.parse(change | {"seed": s}) for change in changes for s in (0, 1)
    ]:
        record(config, 0.51).write(RunFolder(runs, config).record)
    page = write_report(runs, tmp_path / "out").page.read_text()
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line[:2] == "| "]
    first = rows.index("SE")
    assert rows[first : first + 3] == ["SE", "SE, identity start", "Same params as SE"]
    assert family("matched_params(psa_parallel)") == "control"
    assert family("identity(psa_parallel)") == family("psa_parallel") == "psa"


def test_equal_records_give_equal_files(runs: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(runs, tmp_path / name)
    for file in ("comparison.svg", "report.md"):
        assert (tmp_path / "one" / file).read_bytes() == (
            tmp_path / "two" / file
        ).read_bytes()


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("width", [40, 80, 100])
def test_printed_tables_fit_the_terminal(
    width: int,
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    command = ["report", str(runs), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    narrow = capsys.readouterr().out
    assert max(len(line) for line in narrow.splitlines() if "|" in line) <= width
    assert "| my_file:Own |" in narrow
    assert "More columns: --wide" in narrow
    assert "…" not in narrow  # no word is cut
    assert main([*command, "--wide"]) == 0
    wide = capsys.readouterr().out
    assert "MACs as published (M)" in wide
    assert "More columns" not in wide


@pytest.mark.usefixtures("without_pictures")
def test_coverage_is_stated(runs: Path, tmp_path: Path) -> None:
    parameters = {"block": {"values": ["none", "se", "gc"]}, "seed": {"values": [0, 1]}}
    study = Study(name="three", parameters=parameters)
    page = write_report(runs, tmp_path / "out", configs(study)).page.read_text()
    assert "4 of the 6 planned have a record" in page
    assert page.count("* `gc-residual-resnet18-s") == 2
    complete = Study(
        name="two", parameters=parameters | {"block": {"values": ["none", "se"]}}
    )
    report = write_report(runs, tmp_path / "out", configs(complete))
    assert "Not complete" not in report.page.read_text()
    assert "Not complete" not in terminal_text(report.summary)


@pytest.mark.usefixtures("without_pictures")
def test_a_run_whose_baseline_is_missing_is_named_and_left_out(
    runs: Path, tmp_path: Path
) -> None:
    config = RunConfig(block="se", seed=7)
    record(config).write(RunFolder(runs, config).record)
    page = write_report(runs, tmp_path / "out").page.read_text()
    assert f"`{config.run_id}`" in page
    assert "Without a baseline" in page


@pytest.mark.usefixtures("without_pictures")
def test_other_settings_have_tables_of_their_own(runs: Path, tmp_path: Path) -> None:
    config = RunConfig(placement="stages")
    record(config).write(RunFolder(runs, config).record)
    page = write_report(runs, tmp_path / "out").page.read_text()
    assert "resnet18, residual" in page
    assert "resnet18, stages" in page
    assert (tmp_path / "out" / "comparison-2.csv").exists()


def test_nothing_to_report_is_an_error_that_gives_the_reasons(tmp_path: Path) -> None:
    config = RunConfig()
    failure = Failure(config=config, kind="error", reason="no luck", log="")
    failure.write(RunFolder(tmp_path, config).failure)
    with pytest.raises(InputError, match=r"no record.*1 failed.*no luck"):
        write_report(tmp_path, tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_named(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.*cannot be written"):
        write_report(runs, tmp_path / "file")


TABLE = Table(
    DataFrame({"name": [HOSTILE], "value": [0.0160], "missing": [float("nan")]}),
    [
        Column("name", "Name", str, "left"),
        Column("value", "Gain", points),
        Column("missing", "±", percent),
    ],
)


def test_markdown_keeps_signs_and_escapes_pipes() -> None:
    page = markdown.table(TABLE)
    assert "+1.60" in page
    assert r"a\|b\_&lt;script>&50%\\n" in page
    assert "–" in page


def test_latex_escapes_its_special_characters() -> None:
    page = latex.table(TABLE)
    escaped = r"a\textbar{}b\_\textless{}script\textgreater{}\&50\%\textbackslash{}n"
    assert rf"{escaped} & +1.60 & -- \\" in page
    assert r"$\pm$" in page


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [(percent, 0.12345, "12.35"), (millions, 1_234_567, "1.235"), (share, 0.1, "+10.00 %")],
)
def test_units_are_written_once(show: object, value: float, text: str) -> None:
    assert callable(show)
    assert show(value) == text


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on records whose names, or the options of whose blocks, are odd."""
    runs = tmp_path_factory.mktemp("odd") / "<b>odd"
    iou = dict.fromkeys(ODD, 0.5)
    for number, name in enumerate(["none", *ODD]):
        block = odd_block(name)
        config = RunConfig(block=block, dataset="<b>data")
        texts = {"device": name, "commit": name, "data": name, "versions": {name: name}}
        one = record(config).model_copy(update={"iou": iou, "notes": (name,), **texts})
        one = one.model_copy(update={"macs": 100 + number})
        one.write(RunFolder(runs, config).record)
        lost = RunConfig(block=block, seed=1)
        failure = Failure(config=lost, kind="error", reason=name, log=name)
        failure.write(RunFolder(runs, lost).failure)
    out = tmp_path_factory.mktemp("odd-report")
    (out / "summary").write_text(terminal_text(write_report(runs, out).summary))
    return out


def odd_block(text: str) -> str:
    """A block of that name, or one with that option if it can be no name."""
    try:
        return str(parse_part(text))
    except InputError:
        return str(Part("my_file:Odd", None, {"name": text[:900]}))


def test_odd_names_are_text_on_a_terminal(odd: Path) -> None:
    content = (odd / "summary").read_text()
    assert all(sign.isprintable() for sign in content.replace("\n", ""))
    assert r"| a\n\| injected \| row \| |" in re.sub(" +", " ", content)
    assert max(map(len, content.splitlines())) < 12_000
    for text in ("<script>alert(1)</script>", r"\x1b[31m", "[a](javascript:alert(1))"):
        assert text in content


def test_odd_names_are_text_in_markdown(odd: Path) -> None:
    for page in (odd / "report.md", odd / "comparison-classes.md"):
        content = page.read_text()
        assert all(sign.isprintable() for sign in content.replace("\n", ""))
        for harm in (
            "<script",
            "<img",
            "<b>",
            "](javascript",
            "| injected | row |",
            "_it_ ",
        ):
            assert harm not in content
        assert max(map(len, content.splitlines())) < 12_000
    whole = (odd / "report.md").read_text()
    for text in ("&lt;script>", r"\\x1b[31m", r"a\|b", r"\$\$", r"\`code\` \*bold\*"):
        assert text in whole


def test_a_table_has_as_many_cells_in_every_row(odd: Path) -> None:
    for name in ("comparison", "comparison-classes"):
        lines = (odd / f"{name}.md").read_text().splitlines()
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in lines if line}
        assert len(bars) == 1
        body = (odd / f"{name}.tex").read_text().partition(r"\midrule")[2]
        rows = [row for row in body.splitlines() if row.endswith(r"\\")]
        columns = {len(re.findall(r"(?<!\\)&", row)) for row in rows}
        assert len(columns) == 1


def test_a_spreadsheet_takes_no_name_for_a_formula(odd: Path) -> None:
    for name, key in {"comparison": "block", "comparison-classes": "class"}.items():
        cells = read_csv(odd / f"{name}.csv", dtype=str, keep_default_na=False)
        texts = [*cells.columns, *cells[key]]
        assert not [text for text in texts if text[0] in "=+-@"]
        assert all(text.isprintable() for text in texts)
        assert "'@SUM(A1)" in set(cells[key])
        assert {"block", "Block"} < set(cells[key])


def test_odd_names_compile_in_latex(odd: Path, tmp_path: Path) -> None:
    names = ("comparison", "comparison-classes")
    inputs = [rf"\input{{{odd / name}.tex}}\clearpage" for name in names]
    compiled("\n".join(inputs), tmp_path, LARGE)


@pytest.mark.usefixtures("without_pictures")
def test_settings_are_in_the_order_of_numbers_and_names(tmp_path: Path) -> None:
    for placement, lr in [("stages", 1e-4), ("residual", 0.01), ("residual", 0.002)]:
        for block in ("none", "se"):
            config = RunConfig(block=block, placement=placement, lr=lr)
            record(config).write(RunFolder(tmp_path, config).record)
    page = write_report(tmp_path, tmp_path / "out").page.read_text()
    titles = [line for line in page.splitlines() if line.startswith("## digits")]
    assert [title.partition("resnet18, ")[2] for title in titles] == [
        "residual",
        "residual, lr 0.01",
        "stages, lr 0.0001",
    ]


def test_many_settings_are_one_page_and_one_table(tmp_path: Path) -> None:
    runs, out = tmp_path / "runs", tmp_path / "out"
    many_records.write(runs, runs=26 * 9, settings=26)
    report = write_report(runs, out, options=ReportOptions(pictures="none"))
    page = report.page.read_text()
    assert page.count("## digits") == 1  # the others are for a page that folds
    assert "26 settings: tables in [report.html](report.html), all numbers in" in page
    endings = ("csv", "md", "tex")
    first = {f"comparison-1{part}.{end}" for part in ("", "-classes") for end in endings}
    pages = {"report.md", "report.html", "comparison.csv"}
    assert {file.name for file in out.iterdir()} == first | pages
    table = read_csv(out / "comparison.csv")
    assert len(table) == 26 * 9
    assert table.groupby(["placement", "lr"], sort=False).ngroups == 26
    one = read_csv(out / "comparison-1.csv")
    assert table.iloc[:9]["gain"].tolist() == pytest.approx(one["gain"].tolist())
    assert len(terminal_text(report.summary).splitlines()) < 10
    assert "26 settings, 234 runs" in terminal_text(report.summary)


@pytest.mark.usefixtures("without_pictures")
def test_versions_of_a_block_have_rows_of_their_own(tmp_path: Path) -> None:
    mious = {"": 0.5, "block=aaaaaa000000": 0.6, "block=bbbbbb000000": 0.4}
    for source, miou in mious.items():
        block = "my_file:Own" if source else "none"
        config = RunConfig(block=block, source=source)
        record(config, miou).write(RunFolder(tmp_path, config).record)
    page = write_report(tmp_path, tmp_path / "out").page.read_text()
    assert "Runs of 2 versions of" in page
    assert "@aaaaaa (1), @bbbbbb (1)" in page
    table = read_csv(tmp_path / "out" / "comparison.csv").set_index("block")
    assert table.loc["my_file:Own@aaaaaa", "gain"] == pytest.approx(0.1)
    assert table.loc["my_file:Own@bbbbbb", "gain"] == pytest.approx(-0.1)


@pytest.mark.usefixtures("without_pictures")
def test_planned_runs_of_a_block_whose_file_is_elsewhere_count(tmp_path: Path) -> None:
    parameters = {"block": {"values": ["none", "nowhere:Own"]}}
    study = Study(name="own", parameters=parameters)
    for config in (RunConfig(), RunConfig(block="nowhere:Own", source="block=aaaaaa")):
        record(config).write(RunFolder(tmp_path, config).record)
    assert write_report(tmp_path, tmp_path / "out", configs(study)).complete


@pytest.mark.parametrize("uncounted", ["se", "none"])
def test_macs_that_are_not_counted_are_never_a_number(
    tmp_path: Path, uncounted: str
) -> None:
    for block in ("none", "se", "gc"):
        missing = {"macs": None, "macs_direct": None, "not_counted": "aten::gru"}
        config = RunConfig(block=block)
        one = record(config).model_copy(update=missing if block == uncounted else {})
        one.write(RunFolder(tmp_path, config).record)
    page = write_report(tmp_path, tmp_path / "out").page.read_text()
    assert page.count("not counted: aten::gru |") == 1  # MACs added
    numbers = read_csv(tmp_path / "out" / "comparison.csv").set_index("block")
    for name in ("macs", "macs_direct"):
        assert numbers.loc[uncounted, name] == "not counted: aten::gru"
    assert ("mIoU is not plotted against them" in page) == (uncounted == "none")
    assert (tmp_path / "out" / "comparison.svg").exists() == (uncounted != "none")


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("device", "last", "header"),
    [
        ("cpu (x)", 2.0, "Train (CPU s)"),
        ("NVIDIA Something", 2.0, "Train (device s)"),
        ("cpu (x)", None, "Train (wall s)"),
    ],
)
def test_the_seconds_shown_are_those_that_every_run_has(
    tmp_path: Path, device: str, last: float | None, header: str
) -> None:
    for block, seconds in {"none": 2.0, "se": last}.items():
        update = {"device": device, "compute_seconds": seconds}
        config = RunConfig(block=block)
        one = record(config).model_copy(update=update)
        one.write(RunFolder(tmp_path, config).record)
    report = write_report(tmp_path, tmp_path / "out")
    assert f"| {header} |" in re.sub(" +", " ", terminal_text(report.summary, wide=True))


def test_notes_of_runs_are_listed(tmp_path: Path) -> None:
    one = record().model_copy(update={"notes": ("W&B mirror incomplete: no answer",)})
    one.write(RunFolder(tmp_path, one.config).record)
    page = write_report(tmp_path, tmp_path / "out").page.read_text()
    assert f"* `{one.config.run_id}`: W&B mirror incomplete: no answer" in page


def test_two_results_of_a_run_end_with_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = RunConfig()
    record(config, 0.4).write(RunFolder(runs / "again", config).record)
    assert main(["report", str(runs)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "are the same run with different results" in line
