"""A card says of a block what was measured, no more, and trains nothing twice."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from torch import Tensor, nn

from ablations.anatomy import SIZE, anatomy_of
from ablations.cli import main
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from reports.card.examination import cost_part
from reports.card.probes import Trained, trained_words
from reports.card.stage_costs import Totals, control_tables, stage_table, totals
from reports.card.words import cost_words, function_words
from reports.page import Table, Text
from reports.terminal import styled
from sweeps import card
from sweeps.study.study import PlannedRun
from sweeps.study.sweep_file import load_study
from tests.test_own_blocks import Mixes
from tests.test_readme import GUIDES, code
from tests.test_records import record

ROOT = Path(__file__).parents[1]
STAGES = {256: 128, 512: 64, 1024: 32, 2048: 16}  # sides by channels
OWN = f"{__name__}:Mixed"
CARRIED = {"none": 0.02, OWN: 0.97, f"matched_params({OWN})": -0.01}


class Mixed(Mixes):
    """Linear, and each position by itself."""


class Cut(Mixes):
    """Loses a row."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, :, 1:]


class Deviation(nn.Module):
    """Without parameters and without multiply-adds."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(dim=(2, 3), keepdim=True)


def words_of(block: str, *peers: str) -> str:
    return function_words(anatomy_of(block), [anatomy_of(peer) for peer in peers], SIZE)


def plain(texts: Sequence[Text]) -> str:
    return "\n".join(styled(text).plain for text in texts)


# What is known without training


def test_a_linear_block_without_reach_is_called_that() -> None:
    assert words_of(OWN) == (
        "It replaces its input; a position depends on no other position; nothing is "
        "carried beyond a gap of 4 columns; it is linear, and the order of positions does "
        "not matter."
    )


def test_peers_that_do_the_same_are_named_and_others_are_not() -> None:
    words = words_of(f"{__name__}:Deviation", "gc", "se")
    assert words.startswith("It adds one context, the same at all positions; a position")
    assert "it is linear" in words
    assert "also true of" not in words  # content steers both
    assert words_of("gc", "se", "gc(ratio=8)").endswith("true of GC (ratio 8).")


def test_a_context_of_its_own_for_every_position_is_told_from_one_for_all() -> None:
    assert "can differ at every position" in words_of("non_local")
    assert "is the same for all positions" in words_of("se")


def test_costs_are_those_of_one_block_at_each_of_four_stages() -> None:
    table = stage_table([OWN, "se"])
    rows = table.numbers[table.numbers["block"] == OWN]
    macs = [c * c * side**2 for c, side in STAGES.items()]
    assert rows["stage"].tolist() == [2, 3, 4, 5]
    assert rows["channels"].tolist() == list(STAGES)
    assert rows["side"].tolist() == list(STAGES.values())
    assert rows["direct"].tolist() == rows["fast"].tolist() == macs
    params = sum(c * c + c for c in STAGES)
    squeeze = sum(2 * c * c // 16 for c in STAGES)  # two layers without biases
    assert totals(table) == {
        OWN: Totals(params, sum(macs), sum(macs)),
        "se": Totals(squeeze, squeeze, squeeze),
    }


def test_costs_in_words_are_the_sums_and_say_if_less_is_run() -> None:
    costs = {
        OWN: Totals(2_790_000, 18_514_000, 18_514_000),
        "psa_parallel": Totals(0, 500_000, 10_000),
    }
    words = cost_words({**costs, "se": Totals(9_999, None, None)})
    assert f"{OWN} 2.79 M, 18.51 M;" in words
    assert "PSA (p) 0, 0.50 M (0.01 M as run);" in words
    assert words.endswith("SE 9,999, uncounted.")


def test_a_control_that_cannot_be_made_has_a_reason_in_place_of_a_table() -> None:
    tables, problems = control_tables(f"{__name__}:Deviation")
    assert tables == []
    assert "has no parameters, so there is nothing to match" in problems[0]
    assert "has no multiply-adds" in problems[1]


def test_a_peer_that_does_not_fit_is_left_out_with_the_reason() -> None:
    peer = "tests.test_own_blocks:OneSize"
    words, sections = cost_part(OWN, [peer, "se"])
    assert "made for 8x8" in plain(words[1:])
    assert plain(words[1:]).startswith("Left out. ")
    table = next(part for part in sections if isinstance(part, Table))
    assert set(table.numbers["block"]) == {OWN, "se"}


# The probes


def runs(block: str, seeds: int) -> list[PlannedRun]:
    return card.plan(block, seeds)[1]


def test_more_seeds_repeat_no_run_and_another_block_repeats_no_baseline() -> None:
    reduced, full, other = ({*runs(*a)} for a in [(OWN, 3), (OWN, 6), ("se", 3)])
    assert (len(reduced), len(full)) == (18, 36)  # two probes, three networks
    assert reduced < full
    shared = reduced & other
    assert {run.config.block for run in shared} == {"none"}
    assert len(shared) == 6


def test_the_runs_are_those_of_the_committed_studies() -> None:
    cue = load_study(ROOT / "sweeps" / "probe_cue.yaml")
    local = load_study(ROOT / "sweeps" / "probe_local.yaml")
    own = {run.config for run in runs("se", 6) if "matched" not in run.config.block}
    known = {run.config for study in (cue, local) for run in study.runs()}
    assert own == {config for config in known if config.block in {"none", "se"}}


@pytest.mark.parametrize(
    ("block", "control"),
    [
        ("se", "matched_params(se)"),
        ("ea( heads = 8 )", "matched_params(ea(heads=8))"),
        (f"{__name__}:Deviation", None),
    ],
)
def test_the_control_has_as_many_parameters_if_there_are_any(
    block: str, control: str | None
) -> None:
    assert card.plan(block, 1)[0] == control


def carried(config: RunConfig) -> RunRecord:
    local = config.dataset == "digits_local"
    scores = {"information": None if local else CARRIED[config.block], "test_loss": 0.5}
    base = record(miou=0.8 + 0.01 * config.seed).model_dump()
    return RunRecord(**base | scores | {"config": config})


def trained(seeds: int) -> Trained:
    configs = [run.config for run in runs(OWN, seeds)]
    return Trained(configs, [carried(one) for one in configs], [], "control")


def test_three_seeds_decide_nothing_and_six_do() -> None:
    few, more = plain(trained_words(trained(3))), plain(trained_words(trained(6)))
    assert "digits_cue. Without a block 0 of 3 runs solve the probe" in few
    assert "so few runs cannot tell a single block from the baseline" in few
    assert f"it is solved more often with {OWN}" in more


def test_where_nothing_is_carried_gains_are_stated_with_intervals() -> None:
    words = plain(trained_words(trained(3)))
    assert "the mean mIoU without a block is 81.00 %" in words
    assert f"{OWN} +0.00 (+0.00 to +0.00); Same params as {OWN} +0.00" in words


def test_a_part_of_the_runs_has_no_verdict() -> None:
    every = trained(3)
    words = plain(trained_words(every._replace(records=every.records[:-1])))
    assert words == "Probes. 1 of 18 runs have no record, so no verdict."


# The command


def test_a_card_of_recorded_runs_trains_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / card.NAME
    for run in runs(OWN, 3):
        carried(run.config).write(RunFolder(folder, run.config).record)
    other = RunConfig(block="se", seed=77)  # of another card
    record(other).write(RunFolder(folder, other).record)
    out = tmp_path / "page"
    words = ["card", OWN, "--beside", "se", "--runs", str(tmp_path), "--out", str(out)]
    assert main(words) == 0
    page = (out / "card.md").read_text()
    printed = capsys.readouterr().out
    assert "18 of 18 runs have a record" in printed
    assert "digits_cue. Without a block 0 of 3 runs solve the probe" in printed
    for heading in ("Check before training", "Controls of the same cost", "Probes"):
        assert f"## {heading}\n" in page
    assert "18 finished runs, 0 failed; 18 of the 18 planned have a record." in page
    assert "s77" not in page
    names = {path.name for path in out.iterdir()}
    assert {"card-cost.csv", "anatomy.tex", "card-digits_cue-runs.svg"} <= names


@pytest.mark.slow
def test_a_card_trains_its_probes_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in card.PROBES:
        text = (ROOT / "sweeps" / file).read_text()
        short = text.replace("max_steps: {value: 1000}", "max_steps: {value: 2}")
        assert short != text
        (tmp_path / file).write_text(short)
    monkeypatch.setattr(card, "FOLDER", tmp_path)
    words = ["card", "se", "--beside", "gc", "--jobs", "1", "--runs", str(tmp_path)]
    for _ in range(2):
        assert main(words) == 0
    printed = capsys.readouterr().out
    assert "0 of 18 runs have a record" in printed
    assert "18 of 18 runs have a record" in printed
    page = (tmp_path / "card-se" / "card.md").read_text()
    assert "Same params as SE" in page
    assert "Without a block 0 of 3 runs solve the probe" in page


def test_a_block_that_breaks_its_promises_gets_only_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["card", f"{__name__}:Cut", "--runs", str(tmp_path)]
    assert main(words) == 1
    [page] = tmp_path.glob("card-*/card.md")
    assert "It breaks what every block promises: shape and type" in page.read_text()
    assert "What it costs" not in page.read_text()
    assert "runs have a record" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none"], "block 'none' is the bare network: name a block to check"),
        (["nothing"], "unknown block 'nothing'"),
        (["se", "--beside", "gc", "cbma"], "unknown block 'cbma'; did you mean 'cbam'"),
        (["se(ratio=0)"], "ratio"),
        ([f"{__name__}:Missing"], "has no 'Missing'"),
    ],
)
def test_a_wrong_block_or_peer_is_one_line(
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["card", *words, "--no-probes", "--runs", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_the_example_of_the_guide_is_what_the_guide_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = GUIDES["reports/README.md"]
    [text] = [one for one in code(guide, "python") if one.startswith("# contrast.py")]
    (tmp_path / "contrast.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    words = ["card", "contrast:Contrast", "--no-probes", "--beside", "gc"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    [quoted] = [block for block in code(guide, "") if "* Function." in block]
    assert " ".join(quoted.split()) in " ".join(printed.split())
