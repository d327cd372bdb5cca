"""The page of a table of one's own: its boards, its groups, live."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.support.select import Select

from tests.browser.chromium import PHONE, resize
from tests.browser.page import Line, Page
from tests.browser.service import running
from tests.browser.shop import Shop

LONG_AGO = datetime(2020, 2, 29, 12, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with running(Shop(tmp_path)) as made:
        yield made


@pytest.fixture
def page(shop: Shop, browsers: list[Chrome]) -> Iterator[Page]:
    page = Page(browsers[0], shop.url)
    page.complaints()  # of what was before
    yield page
    page.leave()
    assert page.complaints() == []


def choose(page: Page, group: str, label: str) -> None:
    """Press one of several that exclude each other."""
    (found,) = (one for one in page.all(f"#{group} label") if one.text == label)
    found.click()


def show(page: Page, tally: str) -> None:
    Select(page.one("#tally")).select_by_value(tally)


def test_an_empty_table_says_so(page: Page) -> None:
    page.open()
    page.becomes(lambda: page.text("#source"), "orders")
    page.becomes(lambda: page.text("#board-empty"), "No revenue here yet.")


def test_counts_move_while_one_looks(shop: Shop, page: Page) -> None:
    now = datetime.now(UTC)
    shop.order(("Rome", "a", "12.50", LONG_AGO), ("Oslo", "b", "10", now))
    page.open()
    page.becomes(page.lines, [Line("1", "Rome · a", "12.5"), Line("2", "Oslo · b", "10")])
    shop.order(("Oslo", "b", "5.05", now))
    page.becomes(page.lines, [Line("1", "Oslo · b", "15.05"), Line("2", "Rome · a", "12.5")])
    for window in ("Today", "This month", "Last 7 days", "Trending"):
        choose(page, "windows", window)
        page.becomes(page.names, ["Oslo · b"])


def test_a_group_shows_its_measures_its_place_and_its_history(shop: Shop, page: Page) -> None:
    now = datetime.now(UTC)
    shop.order(("Rome", "a", "30", now), ("Oslo", "b", "10", now), ("Oslo", "b", "15", now))
    page.open()
    page.becomes(lambda: len(page.lines()), 2)
    page.click("#board-rows li:nth-child(2) .place")
    page.becomes(lambda: page.text("#detail-place"), "Place 2 of 2")
    page.becomes(lambda: page.text("#detail-title"), "Oslo · b")
    page.becomes(lambda: page.texts("#now-head th"), ["Now", "revenue", "orders", "average"])
    page.becomes(lambda: page.texts("#now-rows tr:first-child td"), ["25", "2", "12.5"])
    page.eventually(lambda: page.all("#plot svg"), "its history is drawn")
    shop.order(("Oslo", "b", "6", now))
    page.becomes(lambda: page.text("#detail-place"), "Place 1 of 2")
    page.click("#close")
    page.becomes(lambda: page.shown("#detail"), False)


_A_CACHE_ANSWERS_FIRST = """
// As it may for a second after it has asked.
const real = window.fetch;
let asked = false;
window.fetch = (url, options) => {
  if (asked || !String(url).includes("/rank?")) return real(url, options);
  asked = true;
  return Promise.resolve(Response.json({ rank: 2, of: 2 }));
};
"""


@pytest.mark.slow
def test_a_cache_that_is_behind_is_asked_again(shop: Shop, page: Page) -> None:
    shop.order(("Rome", "a", "30", LONG_AGO), ("Oslo", "b", "25", LONG_AGO))
    page.open()
    page.becomes(lambda: len(page.lines()), 2)
    page.click("#board-rows li:nth-child(2) .place")
    page.becomes(lambda: page.text("#detail-place"), "Place 2 of 2")
    page.run(_A_CACHE_ANSWERS_FIRST)
    shop.order(("Oslo", "b", "6", LONG_AGO))
    page.becomes(lambda: page.text("#detail-place"), "Place 1 of 2")


def test_another_tally_of_the_table(shop: Shop, page: Page) -> None:
    shop.order(("Rome", "a", "1", LONG_AGO), ("Rome", "b", "1", LONG_AGO))
    page.open()
    show(page, "cities")
    page.becomes(page.lines, [Line("1", "Rome", "2")])
    show(page, "total")
    page.becomes(page.lines, [])
    page.eventually(lambda: "no leaderboard" in page.text("#board-empty"), "it says why")
    page.becomes(lambda: page.text("#now-rows"), "All time2")
    show(page, "sales")
    page.becomes(lambda: len(page.lines()), 2)
    page.becomes(lambda: page.shown("#detail"), False)


@pytest.mark.slow
def test_it_fits_on_a_telephone(shop: Shop, page: Page) -> None:
    shop.order(("A town of the longest name that there is", "and a shop, too", "1", LONG_AGO))
    resize(page.browser, *PHONE)
    page.open()
    page.becomes(lambda: len(page.lines()), 1)
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
