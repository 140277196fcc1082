"""The guides match the code: commands, names, tables, targets, files, examples."""

import re
import shlex
from collections import Counter
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest

from ablations.attention import BLOCKS
from ablations.cli import VERBS, create_parser
from ablations.complexity.conventions import CONVENTIONS
from ablations.placements import PLACEMENTS
from ablations.run_config import RunConfig
from lightning_modules.data import DATASETS
from tests.test_public_names import PACKAGES
from tests.test_records import record

ROOT = Path(__file__).parents[1]
GUIDES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [*ROOT.glob("README.md"), *ROOT.glob("*/README.md"), *ROOT.glob("*.md")]
}
README = GUIDES["README.md"]
LONGEST = 140  # lines on the first page
NUMBERS = {"one": 1, "two": 2, "six": 6, "seven": 7, "eleven": 11}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FOLDERS = ("ablations/", "lightning_modules/", "sweeps/", "reports/", "tests/")
PLACEHOLDERS = {"NAME", "STUDY", "FLOOR", "classes"}  # classes.yaml is a user's file


def code(text: str, language: str) -> list[str]:
    return [content for kind, content in FENCE.findall(text) if kind == language]


def inline(text: str) -> list[str]:
    """The texts in backticks in prose."""
    return re.findall(r"`([^`]+)`", FENCE.sub("", text).replace("\n", " "))


def commands(text: str, program: str) -> list[str]:
    lines = "".join(code(text, "sh")).splitlines()
    candidates = [line.partition("  #")[0].strip() for line in lines] + inline(text)
    return [line for line in candidates if line.startswith(f"{program} ")]


def in_all_guides(program: str) -> list[str]:
    return list(
        dict.fromkeys(c for text in GUIDES.values() for c in commands(text, program))
    )


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the table with this header."""
    table = text.partition(header)[2].partition("\n\n")[0]
    lines = [line for line in table.strip().splitlines() if not set(line) <= set("|:- ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(text: str, header: str) -> list[str]:
    """The texts in backticks in the first column of a table."""
    return [name for row in rows(text, header) for name in re.findall(r"`(\w+)`", row[0])]


@pytest.mark.parametrize("command", in_all_guides("ablate"))
def test_every_command_of_a_guide_is_one(command: str) -> None:
    """The parser accepts it; a bare `ablate VERB` names an existing verb."""
    words = shlex.split(command)[1:]
    if words[-1] == "--help":
        with pytest.raises(SystemExit, match="0"):
            create_parser(words).parse_args(words)
    elif len(words) > 1 or words[0] not in VERBS:
        create_parser(words).parse_args(words)


def test_the_guides_have_a_command_of_every_verb() -> None:
    assert {command.split()[1] for command in in_all_guides("ablate")} >= set(VERBS)


def test_the_first_page_is_short() -> None:
    assert len(README.splitlines()) <= LONGEST


def test_the_table_of_blocks_is_the_registry_in_its_order() -> None:
    table = rows(README, "| key | block | source |")
    listed = {key: row for row in table for key in re.findall(r"`(\w+)`", row[0])}
    assert list(listed) == list(BLOCKS)
    source = ""
    for key, (_, _, paper) in listed.items():
        source = paper if "arxiv.org" in paper or "note" in key else source
        assert (BLOCKS[key].arxiv or "") in source, key


def test_the_readme_counts_blocks_and_papers() -> None:
    [blocks, papers] = re.findall(r"includes (\d+) blocks from (\w+) papers", README)[0]
    assert int(blocks) == len(BLOCKS) - 1  # the baseline
    on_arxiv = {block.arxiv for block in BLOCKS.values() if block.arxiv}
    assert NUMBERS[papers] == len({*on_arxiv, "SimAM, in PMLR"})


@pytest.mark.parametrize(
    ("guide", "header", "registry"),
    [
        ("ablations/README.md", "| placement | where |", PLACEMENTS),
        ("ablations/README.md", "| `--convention` | counts | found in |", CONVENTIONS),
        ("lightning_modules/README.md", "| name | what it is |", DATASETS),
    ],
)
def test_a_table_of_names_is_the_registry_in_its_order(
    guide: str, header: str, registry: dict[str, Any]
) -> None:
    assert names(GUIDES[guide], header) == list(registry)


def test_the_public_names_are_those_of_the_packages() -> None:
    table = rows(GUIDES["CONTRIBUTING.md"], "| package | names |")
    listed = {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in table}
    assert listed == {name: import_module(name).__all__ for name in PACKAGES}


FINDINGS = ROOT / "reports" / "generated" / "findings.md"


def test_the_first_table_is_a_part_of_the_generated_one() -> None:
    shown = rows(README, "| Block ")[1:]  # without the rest of the header
    generated = rows(FINDINGS.read_text(), "| Block ")
    assert len(shown) > 5
    for row in shown:
        [whole] = [one for one in generated if one[0] == row[0]]
        assert not Counter(row) - Counter(whole), row


def test_the_findings_of_the_first_page_are_on_the_generated_page() -> None:
    paragraph = README.partition("## What was found")[2].partition("![")[0]
    numbers = re.findall(r"[+-]?\d+\.\d+|\d+ of \d+", paragraph.replace("\n", " "))
    assert len(numbers) > 5
    generated = " ".join(FINDINGS.read_text().split())
    assert [number for number in numbers if number not in generated] == []


def test_every_target_of_the_guides_is_one_of_make() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = {command.split()[1] for command in in_all_guides("make")}
    assert named <= set(targets)
    assert {"demo", "test", "test-slow", "test-slurm", "throughput"} <= named


def test_every_module_that_a_guide_starts_is_one() -> None:
    modules = {command.split()[2] for command in in_all_guides("python -m")}
    assert len(modules) > 3
    assert all(util.find_spec(module) for module in modules)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_link_leads_somewhere(guide: str) -> None:
    for link in re.findall(r"\]\((?!http)([^)]+)\)", FENCE.sub("", GUIDES[guide])):
        file, _, anchor = link.partition("#")
        target = (ROOT / guide).parent / file if file else ROOT / guide
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def anchors(text: str) -> list[str]:
    """GitHub's anchors for the headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return [
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in headings
    ]


@pytest.mark.parametrize("guide", GUIDES)
def test_every_file_that_a_guide_names_is_there(guide: str) -> None:
    folder = (ROOT / guide).parent
    words = " ".join(inline(GUIDES[guide])).split()
    missing = [
        path
        for path in filter(is_file_of_the_repository, words)
        if not any(folder.glob(path)) and not any(ROOT.glob(path))
    ]
    assert missing == []


def is_file_of_the_repository(words: str) -> bool:
    if not re.fullmatch(r"[\w./*-]+", words) or PLACEHOLDERS & set(
        re.split(r"\W|_", words)
    ):
        return False
    return words.endswith((".py", ".yaml", ".toml", "/")) or words.startswith(FOLDERS)


EXAMPLES = [
    pytest.param(example, id=f"{guide}-{number}")
    for guide, text in GUIDES.items()
    for number, example in enumerate(code(text, "python"))
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_in_python_runs(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder with the smoke study and its records."""
    for block, seed in [("none", 0), ("none", 1), ("se", 0), ("se", 1)]:
        config = RunConfig(block=block, seed=seed)
        record(config).write(tmp_path / "runs" / "smoke" / config.run_id / "record.json")
    (tmp_path / "sweeps").symlink_to(ROOT / "sweeps")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "example", "exec"), {"__name__": "example"})


def test_the_guides_have_examples() -> None:
    assert len(EXAMPLES) > 5
