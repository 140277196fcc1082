"""User code that never ends is stopped by the innermost expired limit."""

import sys
import threading
import time
from pathlib import Path

import pytest

from ablations import blocks, contract
from ablations.errors import InputError
from ablations.time_limit import at_most


def endless() -> None:
    while True:
        time.sleep(0.01)


def part(seconds: float) -> None:
    with at_most(seconds, "a part"):
        endless()


def part_and_more(seconds: float, in_all: float) -> None:
    with at_most(in_all, "all"):
        with pytest.raises(InputError, match="a part took"):
            part(seconds)
        endless()


def test_what_takes_too_long_is_named() -> None:
    with pytest.raises(InputError, match=r"a part took more than 0\.05 s"):
        part(0.05)


def test_an_outer_limit_holds_after_an_inner_one() -> None:
    with pytest.raises(InputError, match="all took"):
        part_and_more(0.05, 0.2)


def test_an_inner_limit_does_not_extend_an_outer_one() -> None:
    with pytest.raises(InputError, match="all took"), at_most(0.05, "all"):
        part(60)


def test_another_thread_has_no_limit() -> None:
    ended = threading.Event()

    def wait() -> None:
        with at_most(0.01, "a wait"):
            time.sleep(0.1)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert ended.is_set()


ENDLESS = """
import time
from pathlib import Path
from torch import nn

class Passes(nn.Identity):
    def __init__(self, channels):
        super().__init__()
    def forward(self, x):
        while True:
            time.sleep(0.01)

class Builds(nn.Identity):
    def __init__(self, channels):
        while True:
            time.sleep(0.01)
"""


@pytest.mark.parametrize(
    ("name", "what"), [("Passes", "a pass"), ("Builds", "its constructor")]
)
def test_a_block_that_never_ends_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, what: str
) -> None:
    (tmp_path / "endless_blocks.py").write_text(ENDLESS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # the folder stays only for the moment
    monkeypatch.delitem(sys.modules, "endless_blocks", raising=False)
    for module in (blocks, contract):
        monkeypatch.setattr(module, "OWN_SECONDS", 0.1)
    with pytest.raises(
        InputError, match=f"endless_blocks:{name}.*{what} took more than 0.1 s"
    ):
        contract.check_block(f"endless_blocks:{name}", 8, (4, 4))
