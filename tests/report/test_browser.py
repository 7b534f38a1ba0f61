"""The page in a real browser without a network: Chromium, driven by Playwright, looked over by axe-core."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.report.shop_facts import HOSTILE, facts

from coterie.report.report import report_page

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
SECTIONS = ("short", "shop", "segments", "moves", "offers", "why", "features", "runs", "dictionary")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(report_page(facts(), "today"), encoding="utf-8")
    assert file.stat().st_size < 5_000_000
    return file.as_uri()


class Opened:
    """A page that is drawn, with all that it asked for and complained of."""

    def __init__(self, browser: Any, address: str, width: int = 1280, scheme: str = "light") -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]", state="attached")


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Opened]:
    shown = Opened(browser, address)
    yield shown
    shown.context.close()


def test_the_page_asks_no_network_and_says_nothing_on_the_console(opened: Opened, address: str) -> None:
    assert opened.asked == [address]
    assert opened.said == []


def test_every_section_and_chart_is_there(opened: Opened) -> None:
    assert opened.page.eval_on_selector_all("main section", "found => found.map(one => one.id)") == list(SECTIONS)
    plots, drawn = opened.page.locator(".plot").count(), opened.page.locator(".plot .main-svg:first-of-type").count()
    assert plots >= 10
    assert drawn >= plots


def test_hostile_titles_are_text(opened: Opened) -> None:
    assert opened.page.evaluate("window.hacked") is None
    shown = opened.page.locator("#segments ol.offers bdi").all_inner_texts()
    assert shown[:4] == HOSTILE[:4]
    assert max(map(len, shown)) < 100
    assert opened.page.locator("img, main script").count() == 0
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 1280


def test_a_text_that_became_a_script_would_not_run(opened: Opened) -> None:
    opened.page.evaluate("() => { const one = document.createElement('script'); one.textContent = 'window.hacked = 2'; document.body.append(one); }")
    assert opened.page.evaluate("window.hacked") is None


def test_a_chart_tells_of_what_the_mouse_is_over(opened: Opened) -> None:
    plot = opened.page.locator("#months-revenue")
    plot.scroll_into_view_if_needed()
    box = plot.locator(".points path").last.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.page.wait_for_selector("#months-revenue .hovertext")
    assert "110 orders" in plot.locator(".hovertext").text_content()


def test_a_table_is_sorted_by_a_click_on_a_heading(opened: Opened) -> None:
    table = opened.page.get_by_role("table", name="Who speaks for the offers")
    first = table.locator("tbody tr").first.locator("td").first
    assert first.inner_text() == "tastes alike (ALS)"
    table.get_by_role("button", name="offers").click()
    table.get_by_role("button", name="offers").click()
    assert first.inner_text() == "popular list"
    assert table.get_by_role("columnheader", name="offers").get_attribute("aria-sort") == "ascending"


def test_another_feature_is_shown_when_it_is_picked(opened: Opened) -> None:
    before = opened.page.locator("#features-spread").inner_html()
    opened.page.select_option("select[data-for=features-spread]", "monetary")
    assert opened.page.locator("#features-spread").inner_html() != before
    assert "net revenue" in opened.page.locator("#features-spread .xtitle").text_content()


def test_dark_follows_the_system_and_the_button(browser: Any, address: str) -> None:
    shown = Opened(browser, address, scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    ink = "document.querySelector('#months-revenue .xtick text').style.fill"
    dark, dark_ink = shown.page.evaluate(colour), shown.page.evaluate(ink)
    shown.page.locator("#theme").click()
    light, light_ink = shown.page.evaluate(colour), shown.page.evaluate(ink)
    assert sum(map(int, re.findall(r"\d+", dark))) < 150
    assert sum(map(int, re.findall(r"\d+", light))) > 600
    assert dark_ink != light_ink
    shown.context.close()


@pytest.mark.parametrize("width", [360, 768])
def test_a_narrow_screen_needs_no_scrolling_sideways(browser: Any, address: str, width: int) -> None:
    shown = Opened(browser, address, width=width)
    assert shown.page.evaluate("document.documentElement.scrollWidth") == width
    shown.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (375, "light")])
def test_nothing_keeps_people_out(browser: Any, address: str, width: int, scheme: str) -> None:
    """No violation of WCAG's levels A and AA that axe-core can find, every folded part unfolded."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    shown = Opened(browser, address, width, scheme)
    shown.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    found = axe.run(shown.page, options={"runOnly": LEVELS}).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found] == []
    shown.context.close()


def test_without_scripts_every_number_is_there(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(address)
    assert page.locator("noscript .missing").is_visible()
    assert page.locator("table").count() >= 20
    context.close()


def test_the_page_prints(opened: Opened, tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    opened.page.pdf(path=str(file))
    assert file.read_bytes().startswith(b"%PDF")
    assert opened.said == []
