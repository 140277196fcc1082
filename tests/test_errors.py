"""An error becomes one line, whatever its own message is."""

import pytest

from ablations.errors import first_line


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one"), "ValueError: one"),
        (ValueError("\n one \ntwo"), "ValueError: one"),
        (ValueError(), "ValueError"),
        (ValueError("\x1b[31mred"), "ValueError: \\x1b[31mred"),
        (MuteError(), "MuteError"),
        (SystemExit(3), "SystemExit: 3"),
    ],
)
def test_an_error_is_its_class_and_the_first_line_of_its_words(
    error: BaseException, line: str
) -> None:
    assert first_line(error) == line


def test_a_long_error_is_cut_in_the_middle() -> None:
    line = first_line(ValueError("a" * 1000 + "z"), 100)
    assert len(line) <= 100
    assert line.startswith("ValueError: aaa")
    assert line.endswith("az")
