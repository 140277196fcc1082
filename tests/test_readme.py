"""The README holds what the code does: commands, blocks, targets, files."""

import re
import shlex
from pathlib import Path

import pytest

from ablations.attention import BLOCKS
from ablations.cli import VERBS, create_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CODE = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
INLINE = re.findall(r"`(ablate [^`]*)`", README.replace("\n", " "))
COMMANDS = [
    line.partition("#")[0].strip()
    for line in [*"".join(CODE).splitlines(), *INLINE]
    if line.startswith("ablate ")
]
NUMBERS = {"one": 1, "two": 2, "six": 6, "seven": 7, "eight": 8}


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_every_command_of_the_readme_is_one(command: str) -> None:
    """The parser takes it; a bare `ablate VERB` names one that exists."""
    words = shlex.split(command)[1:]
    if words[-1] == "--help":
        with pytest.raises(SystemExit, match="0"):
            create_parser(words).parse_args(words)
    elif len(words) > 1 or words[0] not in VERBS:
        create_parser(words).parse_args(words)


def test_the_readme_has_the_commands_of_every_verb() -> None:
    assert {command.split()[1] for command in COMMANDS} >= set(VERBS)


def test_the_table_of_blocks_is_the_registry_in_its_order() -> None:
    table = README.partition("| key | block | source |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1:4] for line in table.strip().splitlines()[1:]]
    listed = {key: row for row in rows for key in re.findall(r"`(\w+)`", row[0])}
    assert list(listed) == list(BLOCKS)
    source = ""
    for key, (_, _, paper) in listed.items():
        source = paper if "arxiv.org" in paper or "note" in key else source
        assert (BLOCKS[key].arxiv or "") in source, key


def test_the_readme_counts_blocks_and_papers() -> None:
    [blocks, papers] = re.findall(r"includes (\d+) blocks from (\w+) papers", README)[0]
    assert int(blocks) == len(BLOCKS) - 1  # the baseline
    assert NUMBERS[papers] == len({b.arxiv for b in BLOCKS.values() if b.arxiv})


def test_every_target_of_the_readme_is_one_of_make() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)
    assert set(named) <= set(targets)
    assert {"demo", "test", "test-slow"} <= set(named)


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!http|#)([^)]+)\)", README)
    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []
