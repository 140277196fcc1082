"""A page is a value: renderers walk it, and a new renderer is one separate file."""

from html import escape
from itertools import groupby

import pytest
from matplotlib.figure import Figure
from pandas import DataFrame

from reports.bench_columns import BENCH, BENCH_COMPILED
from reports.page import (
    WIDE,
    Chart,
    Code,
    Column,
    Flat,
    Heading,
    Inline,
    Items,
    Link,
    Page,
    Picture,
    Strong,
    Table,
    Text,
    headers,
    most_telling,
    unfolded,
)
from reports.terminal import show
from reports.units import millions, share
from reports.write import csv, latex, markdown
from reports.write.cells import header_cells, rows

ODD = "<b>a|b</b>\n# c"
COLUMNS = [
    Column("name", "Name", str, "left"),
    Column("fast", "(M)", millions, group="Fast"),
    Column("fast_share", "added", share, group="Fast", rank=WIDE),
    Column("direct", "(M)", millions, group="Direct", rank=-1),
    Column("direct_share", "added", share, group="Direct"),
    Column("remark", "Remark", str, "paragraph"),
]
NUMBERS = DataFrame(
    [
        {
            "name": ODD,
            "fast": 1.5e6,
            "fast_share": 0.1,
            "direct": 2e6,
            "direct_share": 0.5,
            "remark": "a long story",
        }
    ]
)
TABLE = Table(NUMBERS, COLUMNS, "cost", "What it costs", ["One.", "Two & three."])
PAGE = Page(
    "Title",
    [
        Text("Plain ", Code("a`b"), " and ", Strong("so_ *on*"), ", ", Link("x", "y z")),
        Heading("A <b>section</b>"),
        Items([Text(ODD), Text("two")]),
        TABLE,
        Picture("plot", "dots", Figure()),
    ],
)


def html(page: Page) -> str:
    """A new output format, complete with this function and the three below."""
    body = "".join(map(html_part, unfolded(page.parts)))
    return f"<h1>{escape(page.title)}</h1>{body}"


def html_part(part: Flat) -> str:
    match part:
        case Chart():
            return ""
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Text(parts=parts):
            return f"<p>{''.join(map(html_inline, parts))}</p>"
        case Items(items):
            return f"<ul>{''.join(f'<li>{html_part(item)}</li>' for item in items)}</ul>"
        case Table():
            return html_table(part)
        case Picture(name, subject):
            return f'<img src="{name}.svg" alt="{escape(subject)}">'


def html_inline(inline: Inline) -> str:
    match inline:
        case str():
            return escape(inline)
        case Code(text):
            return f"<code>{escape(text)}</code>"
        case Strong(text):
            return f"<b>{escape(text)}</b>"
        case Link(text, address):
            return f'<a href="{escape(address)}">{escape(text)}</a>'


def html_table(table: Table) -> str:
    groups = [(key, len([*some])) for key, some in groupby(c.group for c in table.columns)]
    spans = "".join(f'<th colspan="{number}">{escape(key)}</th>' for key, number in groups)
    head = "".join(f"<th>{escape(column.header)}</th>" for column in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows(table)
    )
    caption = f"<caption>{escape(table.caption)}</caption>"
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.notes)
    lines = f"<tr>{spans}</tr><tr>{head}</tr>{body}"
    return f"<table>{caption}{lines}</table>{notes}"


def test_a_further_output_walks_the_page() -> None:
    page = html(PAGE)
    for piece in (
        "<h1>Title</h1>",
        "<code>a`b</code> and <b>so_ *on*</b>",
        "<h2>A &lt;b&gt;section&lt;/b&gt;</h2>",
        "<li><p>two</p></li>",
        "<caption>What it costs</caption>",
        '<th colspan="1"></th><th colspan="2">Fast</th><th colspan="2">Direct</th>',
        "<th>(M)</th><th>added</th><th>(M)</th><th>added</th>",
        "<td>1.500</td><td>+10.00 %</td>",
        "<p>Two &amp; three.</p>",
        '<img src="plot.svg" alt="dots">',
    ):
        assert piece in page


def test_a_markdown_page_shows_every_sign_as_it_is() -> None:
    page = markdown.page(PAGE)
    assert page.startswith(
        "# Title\n\nPlain ``a`b`` and **so\\_ \\*on\\***, [x](y%20z)\n\n## A &lt;b>section"
    )
    assert "\n* &lt;b>a\\|b&lt;/b>\\\\n# c\n* two\n\n" in page
    assert page.endswith("* One.\n* Two & three.\n\n![dots](plot.svg)\n")


def test_a_line_of_a_paragraph_never_begins_a_list() -> None:
    words = "word " * 20
    for mark in ("-", "+", "1.", "12)", "#", "==="):
        for blanks in range(60, 92):
            text = markdown.part(Text(f"{'x' * blanks} {mark} {words}"))
            assert not [line for line in text.splitlines() if line.startswith(f"{mark} ")]
            assert text.split() == [*("x" * blanks, mark), *words.split()]


def test_headers_may_repeat_and_a_group_is_named_where_it_begins() -> None:
    names = ["Name", "Fast (M)", "added", "Direct (M)", "added", "Remark"]
    assert headers(COLUMNS) == names
    assert [cell.strip() for cell in markdown.grid(TABLE).splitlines()[0].split("|")] == [
        "",
        *names,
        "",
    ]
    assert r"Name & Fast (M) & added & Direct (M) & added & Remark \\" in latex.table(TABLE)
    assert csv.table(TABLE).splitlines()[0] == ",".join(NUMBERS.columns)


def test_columns_say_how_they_are_aligned() -> None:
    rule = markdown.grid(TABLE).splitlines()[1]
    assert [cell[0] + cell[-1] for cell in rule.strip("|").split("|")] == [
        ":-",
        "-:",
        "-:",
        "-:",
        "-:",
        ":-",
    ]
    assert r"\begin{tabular}{lrrrrp{70mm}}" in latex.table(TABLE)


def test_long_text_is_cut_but_in_a_paragraph() -> None:
    table = TABLE._replace(numbers=NUMBERS.assign(name="x" * 999, remark="y" * 999))
    [row] = rows(table)
    assert row[0] == "x" * 400 + "..."
    assert row[-1] == "y" * 999


def test_a_terminal_shows_what_is_most_telling(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert headers(most_telling(COLUMNS)) == [
        "Direct (M)",
        "Name",
        "Fast (M)",
        "Direct added",
        "Remark",
    ]
    show(PAGE.parts, wide=False)
    narrow = capsys.readouterr().out
    assert max(map(len, narrow.splitlines())) <= 60
    assert "+10.00 %" not in narrow
    assert "More columns: --wide" in narrow
    show(PAGE.parts, wide=True)
    assert "+10.00 %" in capsys.readouterr().out


def test_a_name_in_a_terminal_is_not_cut_where_a_header_can_be_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    name = "my_file:Own@unknown"
    many = [Column("miou", "four short words here", str) for _ in range(4)]
    columns = [Column("block", "Block", str, "left"), *many]
    show([Table(DataFrame([{"block": name, "miou": "1.50"}]), columns)], wide=False)
    assert capsys.readouterr().out.count(name) == 1


def test_timings_show_fast_before_direct_in_a_terminal() -> None:
    names = headers(most_telling([*BENCH, *BENCH_COMPILED]))
    assert names == [
        "Block",
        "Shape",
        "Type",
        "Compiled direct: forward (ms)",
        "times fast's",
        "step (ms)",
        "times fast's",
        "Forward fast (ms)",
        "faster",
        "Step fast (ms)",
        "faster",
        "Kept fast (% of x)",
        "direct (% of x)",
        "Forward direct (ms)",
        "Step direct (ms)",
    ]
    assert header_cells(Table(DataFrame(), BENCH))[3:9] == [
        "Forward direct (ms)",
        "IQR",
        "fast (ms)",
        "IQR",
        "faster",
        "of bound (%)",
    ]
