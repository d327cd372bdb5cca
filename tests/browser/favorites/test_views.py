"""The windows of time, my favorites, a restaurant's history, the field that finds and adds."""

from datetime import UTC, datetime, timedelta

import pytest
from selenium.webdriver.common.keys import Keys

from tallies.core.times import canonical_time
from tallies.core.windows import Window, window_name
from tallies.favorites.favorite import Event
from tests.browser.conftest import OpenWindow
from tests.browser.page import Line, Page
from tests.browser.service import Service, running


def load(service: Service, *events: tuple[str, str, datetime]) -> None:
    rows = [Event(user, restaurant, canonical_time(at)) for user, restaurant, at in events]
    for _ in service.store.load(rows):
        pass
    service.drain()


def test_each_tab_shows_its_window(service: Service, open_window: OpenWindow) -> None:
    now = datetime.now(UTC)
    long_ago = now - timedelta(days=400)
    load(
        service,
        ("ann", "harbor", long_ago),
        ("bob", "harbor", long_ago),
        ("ann", "ladle", now),
    )
    page = open_window(service)
    page.becomes(
        lambda: page.lines(), [Line("1", "Lemon Harbor", "2"), Line("2", "Copper Ladle", "1")]
    )
    for name in ("This month", "Today"):
        page.tab(name).click()
        page.becomes(page.lines, [Line("1", "Copper Ladle", "1")])
        assert page.tab(name).get_attribute("aria-selected") == "true"
        assert page.tab("All time").get_attribute("aria-selected") == "false"
    page.reload()
    page.becomes(page.names, ["Copper Ladle"])
    page.tab("All time").click()
    page.becomes(page.names, ["Lemon Harbor", "Copper Ladle"])


@pytest.mark.slow
def test_an_empty_store_can_be_used(window: Page) -> None:
    window.eventually(lambda: "will be first" in window.text("#board-empty"), "it says so")
    window.becomes(lambda: window.shown("#board-empty"), True)
    window.find("Corner Café")
    window.heart("Corner Café", "#find").click()
    window.becomes(window.lines, [Line("1", "Corner Café", "1")])
    window.becomes(lambda: window.shown("#board-empty"), False)


def test_a_restaurant_is_found_by_a_part_of_its_name(window: Page) -> None:
    window.find("owl")
    window.becomes(lambda: window.text("#find-rows .name"), "Night Owl Noodles")
    window.heart("Night Owl Noodles", "#find").click()
    window.becomes(window.names, ["Night Owl Noodles"])
    window.press(Keys.ESCAPE)
    window.becomes(lambda: window.shown("#find-panel"), False)


@pytest.mark.slow
def test_more_rows_come_on_demand_and_all_of_them_live(
    service: Service, open_window: OpenWindow
) -> None:
    now = datetime.now(UTC)
    ids = [f"place {number:03}" for number in range(130)]
    load(service, *((user, one, now) for one in ids for user in ("ann", "bob")))
    page = open_window(service)
    for shown in (25, 50, 75, 100, 125):
        page.becomes(lambda: len(page.lines()), shown)
        page.click("#board-more")
        page.becomes(lambda: len(page.lines()) > shown, True)  # noqa: B023 - used at once
    page.becomes(page.names, ids)
    assert [line.rank for line in page.lines()] == [str(rank) for rank in range(1, 131)]
    page.becomes(lambda: page.shown("#board-more"), False)
    page.becomes(
        lambda: page.browser.switch_to.active_element.get_attribute("href"),
        f"{page.url}#/restaurant/place%20125",
    )
    service.store.mark("cy", "place 129")
    page.becomes(lambda: page.lines()[0], Line("1", "place 129", "3"))
    page.becomes(lambda: len(page.lines()), 130)


def test_my_favorites_are_paged_newest_first(service: Service, open_window: OpenWindow) -> None:
    page = open_window(service)
    me = page.text("#who-name")
    now = datetime.now(UTC)
    ids = [f"place {number}" for number in range(40)]
    load(service, *((me, one, now - timedelta(minutes=age)) for age, one in enumerate(ids)))
    page.reload()
    for shown in (15, 30):
        page.becomes(page.mine, ids[:shown])
        page.click("#mine-more")
    page.becomes(page.mine, ids)
    page.becomes(lambda: page.shown("#mine-more"), False)
    page.becomes(lambda: page.text("#mine-count"), "40")


@pytest.fixture
def history(service: Service, open_window: OpenWindow) -> Page:
    """Lemon Harbor: three favorites today, one 40 days ago, one more than a year ago."""
    now = datetime.now(UTC)
    load(
        service,
        *((user, "harbor", now) for user in ("ann", "bob", "cy")),
        ("dee", "harbor", now - timedelta(days=40)),
        ("eve", "harbor", now - timedelta(days=800)),
    )
    page = open_window(service)
    page.open_restaurant("harbor")
    page.eventually(lambda: page.all("#table-rows tr"), "the history comes")
    return page


def table_of(page: Page) -> list[str]:
    """The counts of the table, by one script: the page may draw it anew at any moment."""
    read = "return [...document.querySelectorAll('#table-rows td')].map(cell => cell.textContent)"
    return list(page.run(read))


def test_a_restaurant_has_its_tally_and_history(history: Page) -> None:
    page = history
    page.becomes(lambda: page.text("#detail-title"), "Lemon Harbor")
    page.becomes(lambda: page.text("#tally-all"), "5")
    page.becomes(lambda: page.text("#tally-day"), "3")
    page.one("summary").click()
    page.becomes(lambda: table_of(page), ["3"] + ["0"] * 29)
    page.one("#by label:nth-of-type(2)").click()
    page.becomes(lambda: len(page.all("#table-rows tr")), 12)
    now = datetime.now(UTC)
    before = window_name(Window.MONTH, now - timedelta(days=40))
    months = table_of(page)
    assert sum(map(int, months)) == 4
    assert months[0] == "3"
    assert before != window_name(Window.MONTH, now)
    page.becomes(lambda: len(page.all("#plot svg g")), 12)


_POINT_AT_THE_LAST_BAR = """
// In one script: the plot may be drawn anew at any moment.
const svg = document.querySelector("#plot svg");
const clientX = svg.querySelector("g:last-of-type").getBoundingClientRect().right - 3;
svg.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX }));
"""


def test_the_plot_tells_its_values_to_keys_and_pointer(history: Page) -> None:
    page = history
    slider = page.one("#plot input")
    assert slider.accessible_name == "New favorites of Lemon Harbor of the last 30 days"
    assert slider.get_attribute("aria-valuetext").endswith(": 3 favorites")  # type: ignore[union-attr] # it has one
    slider.send_keys(Keys.ARROW_LEFT)
    page.becomes(lambda: str(slider.get_attribute("aria-valuetext"))[-11:], "0 favorites")
    page.run(_POINT_AT_THE_LAST_BAR)
    page.becomes(lambda: page.text("#plot b"), "3")


@pytest.mark.slow
def test_an_open_restaurant_moves_live(history: Page, service: Service) -> None:
    service.store.mark("fay", "harbor")
    history.becomes(lambda: history.text("#tally-all"), "6")
    history.becomes(lambda: history.text("#table-rows td"), "4")


@pytest.mark.slow
def test_back_leads_back(history: Page) -> None:
    page = history
    page.one("#detail .close").click()
    page.becomes(lambda: page.shown("#detail"), False)
    page.one("#board-rows .place").click()
    page.becomes(lambda: page.shown("#detail"), True)
    page.browser.back()
    page.becomes(lambda: page.shown("#detail"), False)


def test_a_made_up_city_says_so(
    tmp_path_factory: pytest.TempPathFactory, open_window: OpenWindow
) -> None:
    words = "A made-up city: nothing here is real."
    with running(Service(tmp_path_factory.mktemp("city"), notice=words)) as service:
        page = open_window(service)
        page.becomes(lambda: page.one("#notice").text, words)
        page.leave()
