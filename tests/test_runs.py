"""The list of runs shows every run, and how to repeat it."""

import argparse
import shlex
from pathlib import Path

import pytest

from ablations.records import Failure
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules.verbs import train
from reports.page import Fold, Lines, Page, Part, Table
from reports.runs import DETAILED, runs_section
from reports.write import html, markdown
from tests.test_records import record

CONFIGS = [
    RunConfig(),
    RunConfig(block="se(ratio=4)", placement="stages+decoder", seed=3, lr=1e-05),
    RunConfig(augment=False, compile=True, train_images=40, encoder_weights="imagenet"),
    RunConfig(block="my_file:Own", init="identity", clip_gradient=0.5, repeat=2),
    RunConfig(
        dataset="digits_cue", validations=9, freeze="encoder_bn", label_smoothing=0.1
    ),
]


def folds(parts: list[Part]) -> list[Fold]:
    contents = parts[-1]
    assert isinstance(contents, Fold)
    return [part for part in contents.parts if isinstance(part, Fold)]


def lines(fold: Fold) -> list[str]:
    return [part.text for part in fold.parts if isinstance(part, Lines)]


def table(parts: list[Part]) -> Table:
    contents = parts[-1]
    assert isinstance(contents, Fold)
    [found] = [part for part in contents.parts if isinstance(part, Table)]
    return found


@pytest.mark.parametrize("config", CONFIGS)
def test_the_command_of_a_run_gives_its_configuration(
    tmp_path: Path, config: RunConfig
) -> None:
    [fold] = folds(runs_section([record(config)], [], [tmp_path]))
    words = shlex.split(lines(fold)[0])
    assert words[:2] == ["ablate", "train"]
    parser = argparse.ArgumentParser()
    train.add_options(parser)
    args = parser.parse_args(words[2:])
    assert args.study == "again"
    args.config = None
    assert train.run_config(args).run_id == config.run_id


def test_a_failed_run_has_its_reason_and_log_and_resumes_in_its_own_study(
    tmp_path: Path,
) -> None:
    config = RunConfig(block="cbam")
    study = RunFolder(tmp_path / "my study", config)
    study.note_failure("crash", "it <broke>", "line 1\nline 2\x1b[31m")
    failure = Failure.read_own(study.failure)
    [fold] = folds(runs_section([], [failure], [tmp_path]))
    assert fold.title == "CBAM, seed 0: failed"
    command, log = lines(fold)
    assert shlex.split(command)[-1] == "--study=my study"
    assert log == "line 1\nline 2\x1b[31m"
    page = html.page(Page("x", [fold]))
    assert "Failed (crash): it &lt;broke&gt;" in page
    assert "line 1\nline 2\\x1b[31m" in page


def test_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "study", RunConfig())
    record(RunConfig()).write(folder.record)
    folder.log.write_bytes(b"".join(b"step %d\n" % step for step in range(5000)) + b"\xff")
    [fold] = folds(runs_section([record(RunConfig())], [], [tmp_path]))
    log = lines(fold)[1].splitlines()
    assert log[-2:] == ["step 4999", "\N{REPLACEMENT CHARACTER}"]
    assert len(log) == 40


def test_runs_are_in_the_order_of_settings_blocks_and_seeds(tmp_path: Path) -> None:
    configs = [
        RunConfig(block=block, lr=lr, seed=seed)
        for block in ("gc", "none", "se")
        for lr in (0.01, 0.002)
        for seed in (10, 9)
    ]
    numbers = table(
        runs_section([record(config) for config in configs], [], [tmp_path])
    ).numbers
    rows = list(zip(numbers["lr"], numbers["block"], numbers["seed"], strict=True))
    blocks = ["none", "se", "gc"]
    assert rows == [
        (lr, block, s) for lr in (0.002, 0.01) for block in blocks for s in (9, 10)
    ]
    assert "placement" not in numbers.columns


def test_many_runs_are_only_in_the_table(tmp_path: Path) -> None:
    records = [record(RunConfig(seed=seed)) for seed in range(DETAILED + 1)]
    few, many = (runs_section(some, [], [tmp_path]) for some in (records[1:], records))
    assert (len(folds(few)), len(folds(many))) == (DETAILED, 0)
    assert [len(table(some).numbers) for some in (few, many)] == [DETAILED, DETAILED + 1]
    for part in folds(few):
        assert part.anchor in set(table(few).numbers["address"].str.removeprefix("#"))


def test_a_page_that_cannot_fold_leaves_details_out(tmp_path: Path) -> None:
    parts = runs_section([record(RunConfig())], [], [tmp_path])
    text = markdown.page(Page("x", parts))
    assert "ablate train" not in text
    assert "in `report.html`." in text
    shown = Fold("Shown", [Lines("a\nb\x1b")])
    assert markdown.page(Page("x", [shown])) == "# x\n\n### Shown\n\n    a\n    b\\x1b\n"
