"""A message is one short line without control sequences for the terminal."""

import pytest

from ablations.cli import main
from ablations.errors import LINE, printable, quoted, unknown_name


@pytest.mark.parametrize(
    ("raw", "visible"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\rb\x07\x9b", r"a\rb\x07\x9b"),
        ("\u202etxt.exe\u2066", r"\u202etxt.exe\u2066"),
        ("\ud800", r"\ud800"),
        ("two\n  lines", "two lines"),
        ("größe 中 🙂", "größe 中 🙂"),
    ],
)
def test_what_would_act_on_a_terminal_is_shown_as_an_escape(raw: str, visible: str) -> None:
    assert printable(raw) == visible


def test_a_long_message_is_cut_in_its_middle_and_says_so() -> None:
    line = printable("begin " + 5000 * "x" + " end")
    assert len(line) <= LINE
    assert line.startswith("begin x")
    assert line.endswith("x end")
    assert " ... 4,050 characters ... " in line


def test_a_value_in_a_message_is_bounded_whatever_it_holds() -> None:
    value: object = "x" * 10**6
    for _ in range(40):
        value = [value] * 10
    assert len(quoted(value)) < LINE
    assert quoted(16**10000) == "<int>"
    assert quoted("1e-4") == "'1e-4'"


def test_of_many_known_names_the_nearest_are_listed() -> None:
    names = [f"name{number}" for number in range(700)]
    message = str(unknown_name("encoder", "name69x", names))
    assert message.startswith(
        "unknown encoder 'name69x'; did you mean 'name69'? (known: name6"
    )
    assert message.endswith(", ... and 680 more)")
    assert "name69" in message.partition("known:")[2].split(",")[0]
    assert str(unknown_name("encoder", "x", [])) == "unknown encoder 'x'"


def test_the_command_line_prints_no_escape(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "\x1b[31mx" + 3000 * "y"]) == 2
    text = capsys.readouterr().err
    assert "\x1b" not in text
    assert len(text) < LINE + 20


def test_neither_does_the_parser_of_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list", "--\x1b[31mx"])
    assert r"unrecognized arguments: --\x1b[31mx" in capsys.readouterr().err
