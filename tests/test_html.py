"""A page in HTML holds everything itself, shows any text as text, and sorts by numbers."""

import base64
import hashlib
import json
import re
import webbrowser
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from pandas import DataFrame

from reports import browser
from reports.page import (
    WIDE,
    Chart,
    Code,
    Column,
    Fold,
    Heading,
    Items,
    Lines,
    Link,
    Page,
    Part,
    Picture,
    Table,
    Text,
)
from reports.units import percent
from reports.write import html
from reports.write.html_cells import as_data, cells_of, encoded, ranks, safe
from reports.write.html_parts import slug
from reports.write.html_table import MANY, grid
from reports.write.libraries import LIBRARIES, with_global
from tests.page_weight import weights

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "</style></title><svg onload=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "<!--<script>",
    "\u202egnp.exe",
    "\x1b[31m\x00",
    "&lt;b&gt; &amp;",
]
MIOU = Column("miou", "mIoU (%)", percent)
NAME = Column("name", "Name", str, "left")


class Elements(HTMLParser):
    """Every element with its attributes, and all text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.hidden = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self.hidden else data


def everywhere(text: str) -> Page:
    """A page that shows a text in every place that takes one."""
    numbers = DataFrame([{"name": text, "why": text, "to": text}] * 3)
    column = Column("name", text, str, "left", group=text, tip="why", link="to")
    spec = {"data": {"values": [{"name": text}]}, "mark": "point", "title": text}
    parts: list[Part] = [
        Heading(text),
        Text(text, Code(text), Link(text, text)),
        Items([Text(text)]),
        Lines(text),
        Table(numbers, [column], "name", text, [text]),
        Picture("plot", text, Figure()),
        Chart(text, spec),
        Fold(text, [Text(text)], 3, "run-x"),
    ]
    return Page(text, parts)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Vega, which takes seconds to bundle."""
    charts = LIBRARIES["charts"]._replace(code=lambda: "window.vegaEmbed = () => {};")
    monkeypatch.setitem(LIBRARIES, "charts", charts)


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_adds_no_element_and_no_attribute(text: str) -> None:
    harmless, hostile = (Elements(html.page(everywhere(one))) for one in ("x", text))
    shape = [(tag, set(attributes)) for tag, attributes in hostile.elements]
    # an address that is not one leaves out a link, and nothing else changes
    links = [("a", {"href"})] * 4
    assert [e for e in shape if e not in links] == [
        (tag, set(attributes))
        for tag, attributes in harmless.elements
        if (tag, set(attributes)) not in links
    ]
    shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
    assert hostile.text.count(shown) >= 10


@pytest.mark.usefixtures("light")
def test_only_the_pages_own_scripts_may_run() -> None:
    page = html.page(everywhere("x"))
    elements = Elements(page).elements
    [policy] = [
        attributes["content"] or ""
        for tag, attributes in elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    scripts = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    assert [base64.b64encode(one).decode() for one in digests] == allowed
    assert len(scripts) == 5
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    assert not [a for _, attributes in elements for a in attributes if a.startswith("on")]


def test_a_page_carries_only_the_libraries_that_it_uses() -> None:
    sizes = [
        len(html.page(Page("x", parts)))
        for parts in ([Text("x")], [Table(DataFrame({"miou": [0.1]}), [MIOU])])
    ]
    assert sizes[0] < 40_000
    assert 600_000 < sizes[1] < 800_000
    assert "unsafe-eval" not in html.page(Page("x", [Text("x")]))


def test_cells_sort_by_their_numbers_and_missing_ones_come_first() -> None:
    nan = float("nan")
    assert ranks([0.5, nan, -3, "not counted", 0.5000001, -3, None]) == [
        2,
        0,
        1,
        0,
        3,
        1,
        0,
    ]
    assert ranks(["b", "a"]) == []
    assert ranks([]) == []
    page = html.page(
        Page("x", [Table(DataFrame({"miou": [0.50001, 0.50002, nan]}), [MIOU])])
    )
    cells = [attributes for tag, attributes in Elements(page).elements if tag == "td"]
    assert [cell["data-order"] for cell in cells] == ["1", "2", ""]
    assert page.count(">50.00</td>") == 2


def test_common_headers_span_their_columns() -> None:
    columns = [
        NAME,
        Column("low", "from", percent, group="95 %"),
        Column("high", "to", percent, group="95 %", rank=WIDE),
    ]
    numbers = DataFrame([{"name": "se", "low": 0.1, "high": 0.2}])
    upper, lower = grid(Table(numbers, columns)).heads
    assert [head.text for head in upper] == ["Name", "95 %"]
    assert [head.text for head in lower] == ["from", "to"]
    page = html.page(Page("x", [Table(numbers, columns)]))
    assert '<th scope="colgroup" class="group" colspan="2">95 %</th>' in page
    assert 'data-column="0" rowspan="2">Name</th>' in page
    assert 'data-column="2" data-number data-wide>to</th>' in page


def test_a_column_that_explains_another_is_shown_as_its_tip() -> None:
    columns = [NAME._replace(tip="reason"), Column("reason", "Reason", str, "paragraph")]
    numbers = DataFrame([{"name": "exact", "reason": "counted <so>"}])
    page = html.page(Page("x", [Table(numbers, columns)]))
    assert ">Reason</th>" not in page
    assert '<span class="why">counted &lt;so&gt;</span>' in page


def test_many_rows_are_data_that_states_each_text_once() -> None:
    number = MANY + 1
    numbers = DataFrame({"name": ["</script>", "b"] * number, "miou": [0.25, 0.5] * number})
    page = html.page(Page("x", [Table(numbers, [NAME, MIOU])]))
    assert "td" not in {tag for tag, _ in Elements(page).elements}
    [data] = re.findall(r'<script type="application/json">(.*?)</script>', page)
    assert json.loads(data)["rows"] == 2 * number
    name, miou = json.loads(data)["columns"]
    assert name["text"]["texts"] == ["</script>", "b"]
    assert miou["text"] == {"texts": ["25.00", "50.00"], "codes": [0, 1] * number}
    assert miou["order"] == [1, 2] * number
    assert name["order"] == []


def test_texts_of_data_can_be_read_back() -> None:
    texts = ["a", "b", "a", ""]
    data = encoded(texts)
    assert data is not None
    assert [data["texts"][code] for code in data["codes"]] == texts
    assert encoded(["a", "b"]) == {"texts": ["a", "b"], "codes": []}
    assert encoded(["", ""]) is None
    column = cells_of(Table(DataFrame({"name": ["a", "b", "a"]}), [NAME]), NAME)
    assert as_data([column])["columns"][0]["link"] is None


def test_a_range_is_one_cell_and_sorts_by_its_lower_end() -> None:
    numbers = DataFrame({"low": [0.02, -0.01], "high": [0.03, 0.04]})
    table = Table(numbers, [Column("low", "95 %", percent, upto="high")])
    column = cells_of(table, table.columns[0])
    assert column.texts == ["2.00 to 3.00", "-1.00 to 4.00"]
    assert column.ranks == [2, 1]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("#run-se(ratio=4)", "#run-se%28ratio=4%29"),
        ("comparison.csv", "comparison.csv"),
        ("https://arxiv.org/abs/2107.00782", "https://arxiv.org/abs/2107.00782"),
        ("javascript:alert(1)", ""),
        (" JavaScript:alert(1)", "%20JavaScript:alert%281%29"),
        ("java\nscript:alert(1)", "java%0Ascript:alert%281%29"),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("vbscript:x", ""),
        ("http://[", "http://%5B"),
    ],
)
def test_an_address_leads_into_the_page_beside_it_or_to_the_web(
    address: str, expected: str
) -> None:
    assert safe(address) == expected


def test_no_two_parts_have_the_same_anchor() -> None:
    parts: list[Part] = [
        Heading("Runs"),
        Heading("Runs"),
        Heading("Tip"),
        Fold("Runs", [], 2),
        Heading("±"),
    ]
    page = html.page(Page("Runs", parts))
    ids = [str(a["id"]) for _, a in Elements(page).elements if "id" in a]
    assert sorted(ids) == sorted({*ids})
    assert {"runs", "runs-2", "runs-3", "tip-2", "part"} <= {*ids}
    assert slug("Table 1: O(N²)") == "table-1-o-n"


def test_folds_in_a_row_can_be_searched_if_they_are_many() -> None:
    folds = [Fold(f"Run {number}", [Text("x")]) for number in range(5)]
    assert 'type="search"' not in html.page(Page("x", folds[:4]))
    assert html.page(Page("x", [Text("a"), *folds, Text("b")])).count('type="search"') == 1


def test_a_picture_has_its_subject_as_text() -> None:
    page = html.page(Page("x", [Picture("plot", "mIoU over steps", Figure())]))
    [image] = [attributes for tag, attributes in Elements(page).elements if tag == "img"]
    assert image["alt"] == "mIoU over steps"
    assert "<figcaption>mIoU over steps</figcaption>" in page
    assert (image["src"] or "").startswith("data:image/svg+xml;base64,")


def test_the_weight_of_a_page_is_known_by_part() -> None:
    table = Table(DataFrame({"miou": [0.1]}), [MIOU])
    page = html.page(Page("±", [table, Picture("plot", "dots", Figure())]))
    found = weights(page)
    assert sum(found.values()) == len(page.encode())
    assert found["scripts"] > 600_000
    assert 500 < found["pictures"] < 5_000
    assert found["data of tables and charts"] == 0
    assert found["rows of tables"] == len(
        '<tbody>\n<tr><td class="right" data-order="1">10.00</td></tr>\n</tbody>'
    )


def test_every_library_states_its_licence_and_version() -> None:
    page = html.page(Page("x", [Table(DataFrame({"miou": [0.1]}), [MIOU])]))
    library = LIBRARIES["tables"]
    assert f"(MIT, from itables {library.version})." in page
    assert re.fullmatch(r"\d+(\.\w+)+", LIBRARIES["charts"].version)


def test_the_default_export_of_a_module_becomes_a_global_variable() -> None:
    code = "let a=1,$b=2;export{a as jQuery,$b as default,a as x}"
    assert with_global(code, "Table") == "let a=1,$b=2;window.Table = $b"
    with pytest.raises(ValueError, match="Table: its module has 0 default exports"):
        with_global("let a", "Table")


def test_over_ssh_a_page_is_named_instead_of_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def remember(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", remember)
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    page = tmp_path / "a b.html"
    assert browser.open_page(page) == f"opened: {page}"
    assert opened == [page.as_uri()]
    monkeypatch.setenv("SSH_CONNECTION", "here there")
    assert browser.open_page(page) == f"no browser here; the page is {page}"
    assert len(opened) == 1
