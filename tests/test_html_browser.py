"""What a reader does with a page, in a real Chromium without a window."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pandas import DataFrame

from reports.page import WIDE, Chart, Column, Fold, Heading, Page, Part, Table, Text
from reports.units import percent, share
from reports.write import html
from tests.test_html import HOSTILE, everywhere

sync_api = pytest.importorskip("playwright.sync_api")
NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = [
    pytest.mark.skipif(
        PROGRAM is None, reason="Chromium is missing (apt install chromium)"
    ),
    pytest.mark.xdist_group("chromium"),
]

BLOCKS = ["none", "se", "gc", "cbam"]
MANY = 1200  # rows of the long table


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        root = hasattr(os, "geteuid") and os.geteuid() == 0  # has no sandbox
        browser = playwright.chromium.launch(
            executable_path=PROGRAM, args=["--no-sandbox"] if root else []
        )
        yield browser
        browser.close()


class Reader:
    """A page as opened from disk, with all that went wrong or was asked for."""

    def __init__(self, browser: Any, file: Path, width: int = 1280) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 800})
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri(), wait_until="load")

    def column(self, table: str, place: int) -> list[str]:
        cells = self.page.locator(f"{table} tbody tr td:nth-child({place})")
        return [text.strip() for text in cells.all_inner_texts()]


def run_fold(number: int) -> Fold:
    return Fold(
        f"Run {number}", [Text(f"log of {number}{number}{number}")], 3, f"run-se-{number}"
    )


def parts() -> list[Part]:
    """Everything that a reader can use."""
    comparison = DataFrame(
        {
            "block": BLOCKS,
            "miou": [0.50004, 0.50002, float("nan"), 0.4],
            "cost": [0.0, 0.5, 0.25, 10.0],
            "why": ["the baseline", "gates", "a context", "both"],
        }
    )
    long = DataFrame(
        {
            "name": [f"run {number}" for number in range(MANY)],
            "miou": [number * 7 % MANY / MANY for number in range(MANY)],
            "address": [f"#run-{number}" for number in range(MANY)],
        }
    )
    points = [{"x": 1, "y": 2, "name": "<b>se</b>", "run": "#run-se-3"}]
    encoding = {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "quantitative"},
        "tooltip": {"field": "name"},
        "href": {"field": "run"},
    }
    mark = {"type": "point", "size": 900, "filled": True}
    return [
        Heading("Comparison"),
        Table(
            comparison,
            [
                Column("block", "Block", str, "left", tip="why"),
                Column("miou", "mIoU", percent, group="Result"),
                Column("cost", "added", share, group="Result", rank=WIDE),
            ],
            caption="comparison",
        ),
        Heading("Plot"),
        Chart(
            "mIoU against cost",
            {"data": {"values": points}, "mark": mark, "encoding": encoding},
        ),
        Heading("Runs"),
        Table(
            long,
            [
                Column("name", "Run", str, "left", link="address"),
                Column("miou", "mIoU", percent),
            ],
            caption="long",
        ),
        Fold("All", [run_fold(number) for number in range(8)]),
    ]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html.page(Page("A page", parts())), encoding="utf-8")
    return path


@pytest.fixture
def reader(chromium: Any, file: Path) -> Iterator[Reader]:
    reader = Reader(chromium, file)
    yield reader
    reader.page.close()
    assert reader.problems == []
    assert reader.requests == [file.as_uri()]


SHORT, LONG = (
    "table:has(caption:text-is('comparison'))",
    "table:has(caption:text-is('long'))",
)


def test_a_table_sorts_by_its_numbers(reader: Reader) -> None:
    assert reader.column(SHORT, 2) == ["50.00", "50.00", "–", "40.00"]
    head = reader.page.locator(f"{SHORT} th", has_text="mIoU")
    head.click()
    sync_api.expect(head).to_have_attribute("aria-sort", "descending")
    assert reader.column(SHORT, 2) == ["50.00", "50.00", "40.00", "–"]
    assert (
        reader.page.locator(f"{SHORT} tbody tr td").first.inner_text()
        == "none\nthe baseline"
    )
    head.click()
    sync_api.expect(head).to_have_attribute("aria-sort", "ascending")
    assert reader.column(SHORT, 2) == ["–", "40.00", "50.00", "50.00"]


def test_a_table_is_sorted_from_the_keyboard(reader: Reader) -> None:
    reader.page.locator(f"{SHORT} th", has_text="mIoU").locator("[tabindex]").focus()
    reader.page.keyboard.press("Enter")
    head = reader.page.locator(f"{SHORT} th", has_text="mIoU")
    sync_api.expect(head).to_have_attribute("aria-sort", "descending")
    assert reader.column(SHORT, 2)[0] == "50.00"
    assert reader.column(SHORT, 2)[3] == "–"


def test_further_columns_are_shown_on_demand(reader: Reader) -> None:
    assert reader.page.locator(f"{SHORT} th:visible").all_inner_texts() == [
        "Block",
        "Result",
        "mIoU",
    ]
    reader.page.get_by_role("button", name="All 3 columns").click()
    assert reader.column(SHORT, 3) == ["+0.00 %", "+50.00 %", "+25.00 %", "+1000.00 %"]
    reader.page.get_by_role("button", name="Fewer columns").click()
    assert reader.column(SHORT, 3) == []


def test_a_long_table_is_filtered_sorted_and_paged(reader: Reader) -> None:
    assert len(reader.column(LONG, 1)) == 25
    reader.page.locator(f"{LONG} th", has_text="mIoU").click()
    best = max(range(MANY), key=lambda number: number * 7 % MANY)
    assert reader.column(LONG, 1)[0] == f"run {best}"
    reader.page.get_by_label("Filter").fill("run 119")
    found = [number for number in range(MANY) if "119" in str(number)]
    assert sorted(reader.column(LONG, 1)) == sorted(f"run {number}" for number in found)
    link = reader.page.get_by_role("link", name="run 1190", exact=True)
    assert link.get_attribute("href") == "#run-1190"


def test_a_link_to_a_run_without_a_section_finds_it_in_the_list(reader: Reader) -> None:
    reader.page.evaluate("location.hash = '#run-777'")
    reader.page.wait_for_function("document.querySelector('.dt-search input').value")
    assert reader.column(LONG, 1) == ["run 777"]


def test_a_cell_explains_itself_under_the_pointer_and_the_focus(reader: Reader) -> None:
    tip = reader.page.locator("#tip")
    reader.page.locator(f"{SHORT} .tip").nth(1).hover()
    tip.wait_for(state="visible")
    assert tip.inner_text() == "gates"
    reader.page.keyboard.press("Escape")
    tip.wait_for(state="hidden")
    reader.page.locator(f"{SHORT} .tip").nth(2).focus()
    tip.wait_for(state="visible")
    assert tip.inner_text() == "a context"


def test_words_are_found_in_closed_folds(reader: Reader) -> None:
    reader.page.locator("summary", has_text="All").click()
    reader.page.get_by_label("Search these 8 sections").fill("LOG of 555")
    assert reader.page.locator("details[id^=run-]:visible").count() == 1
    reader.page.get_by_text("log of 555").wait_for(state="visible")
    assert reader.page.locator(".found").inner_text() == "1 of 8 hold this."


def test_a_link_opens_the_folds_that_it_leads_into(reader: Reader) -> None:
    assert not reader.page.get_by_text("log of 333").is_visible()
    reader.page.evaluate("location.hash = '#run-se-3'")
    reader.page.get_by_text("log of 333").wait_for(state="visible")
    assert not reader.page.get_by_text("log of 444").is_visible()


def test_a_point_has_a_tooltip_and_leads_to_its_run(reader: Reader) -> None:
    reader.page.locator("figure.chart").scroll_into_view_if_needed()
    point = reader.page.locator("figure.chart .mark-symbol path").first
    point.wait_for(state="visible")
    point.hover()
    shown = reader.page.locator("#vg-tooltip-element.visible")
    shown.wait_for(state="visible")
    assert "<b>se</b>" in shown.inner_text()
    point.click()
    reader.page.get_by_text("log of 333").wait_for(state="visible")


def test_dark_and_light_are_the_systems_until_the_reader_chooses(reader: Reader) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = reader.page.evaluate(ground)
    reader.page.emulate_media(color_scheme="dark")
    dark = reader.page.evaluate(ground)
    assert light != dark
    reader.page.get_by_role("button", name="Dark", pressed=True).click()
    assert reader.page.evaluate(ground) == light
    reader.page.emulate_media(color_scheme="light")
    reader.page.get_by_role("button", name="Dark", pressed=False).click()
    assert reader.page.evaluate(ground) == dark


def test_a_phone_scrolls_tables_but_not_the_page(chromium: Any, file: Path) -> None:
    reader = Reader(chromium, file, width=390)
    reader.page.get_by_role("button", name="All 3 columns").click()
    assert reader.page.evaluate("document.documentElement.scrollWidth") == 390
    reader.page.close()


def test_on_paper_everything_is_unfolded_and_there_are_no_controls(reader: Reader) -> None:
    reader.page.emulate_media(media="print")
    reader.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert reader.page.get_by_text("log of 333").is_visible()
    assert reader.page.get_by_text("a context").is_visible()
    assert reader.page.locator("button:visible, input:visible").count() == 0
    reader.page.evaluate("dispatchEvent(new Event('afterprint'))")
    reader.page.emulate_media(media="screen")
    assert not reader.page.get_by_text("log of 333").is_visible()


def test_the_page_can_be_walked_without_seeing_it(reader: Reader) -> None:
    for role in ("banner", "main", "contentinfo"):
        assert reader.page.get_by_role(role).count() == 1
    assert reader.page.get_by_role("navigation", name="Contents").count() == 1
    assert reader.page.get_by_role("table", name="comparison").count() == 1
    assert reader.page.locator("thead th:not([scope])").count() == 0
    reader.page.keyboard.press("Tab")
    assert (
        reader.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    )


def test_hostile_texts_are_shown_and_do_nothing(chromium: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    parts = [part for text in HOSTILE for part in everywhere(text).parts]
    file.write_text(html.page(Page(HOSTILE[2], parts)), encoding="utf-8")
    reader = Reader(chromium, file)
    assert reader.page.title() == HOSTILE[2]
    for number, text in enumerate(HOSTILE):
        shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
        chart = reader.page.locator("figure.chart").nth(number)
        chart.scroll_into_view_if_needed()
        chart.locator("svg").wait_for(state="visible")
        reader.page.locator("tbody tr:first-child .tip").nth(number).focus()
        assert reader.page.locator("#tip").inner_text() == shown
        assert reader.page.locator("pre").nth(number).inner_text() == shown
    reader.page.close()
    assert reader.problems == []
    assert reader.requests == [file.as_uri()]
