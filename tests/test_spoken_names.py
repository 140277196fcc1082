"""Names of blocks within sentences: a list of them cannot be misread."""

import pytest

from ablations.attention import BLOCKS
from reports.counts import Solved
from reports.probe_verdict import words
from reports.units import spoken


@pytest.mark.parametrize("block", BLOCKS)
def test_no_name_holds_the_comma_of_a_list(block: str) -> None:
    assert "," not in spoken(block)
    assert "," not in spoken(f"matched_params(identity({block}))")


def test_commas_within_brackets_stay() -> None:
    assert spoken("my_file:Mine(first=1, second=2)") == "my_file:Mine(first=1, second=2)"


def test_a_list_of_names_can_be_counted() -> None:
    every, none = Solved(3, 3), Solved(0, 3)
    blocks = {"non_local": every, "non_local_code": every, "psa_parallel_code": every}
    text = words({"none": none, **blocks}, "test")
    assert "with NL, NL code, PSA (p) code 3 of 3" in text
