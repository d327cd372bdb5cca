"""What a feed asks: spans, trending, dates of one's own, a cuisine, places, many hearts at once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tallies.core.times import canonical_time
from tallies.favorites.catalogue import Restaurant
from tallies.favorites.favorite import Event
from tests.browser.chromium import PHONE, prefer
from tests.browser.conftest import OpenWindow
from tests.browser.page import Line, Page
from tests.browser.service import Service, running

CUISINES = {
    entry.id: entry
    for entry in (
        Restaurant("bell", "Harbour Bell", "Seafood"),
        Restaurant("oyster", "The Ninth Oyster", "Seafood"),
        Restaurant("sundial", "Salt & Sundial", "Seafood"),
        Restaurant("moon", "Moonrice", "Japanese & more/less"),
        Restaurant("plain", "Plain", None),
    )
}

_NOTE_REQUESTS = """
window.asked = [];
const ask = window.fetch;
window.fetch = (url, how) => {
  asked.push(String(url));
  return ask(url, how);
};
"""


def load(service: Service, *events: tuple[str, str, datetime]) -> None:
    rows = [Event(user, restaurant, canonical_time(at)) for user, restaurant, at in events]
    for _ in service.store.load(rows):
        pass
    service.drain()


def totals(page: Page) -> list[str]:
    """What stands below the names of the leaderboard."""
    return list(
        page.run(
            "return [...document.querySelectorAll('#board-rows .words .quiet')]"
            ".map((line) => line.textContent)"
        )
    )


@pytest.fixture
def weeks(service: Service, open_window: OpenWindow) -> Page:
    """Lemon Harbor: three favorites, nine days ago. Copper Ladle: two, today."""
    now = datetime.now(UTC)
    load(
        service,
        *((user, "harbor", now - timedelta(days=9)) for user in ("ann", "bob", "cy")),
        *((user, "ladle", now) for user in ("ann", "bob")),
    )
    return open_window(service)


def test_this_week_is_the_last_seven_days(weeks: Page) -> None:
    assert weeks.names() == ["Lemon Harbor", "Copper Ladle"]
    weeks.tab("This week").click()
    weeks.becomes(weeks.lines, [Line("1", "Copper Ladle", "2")])
    today = datetime.now(UTC)
    assert weeks.text("#board-title").endswith(f"{today:%b} {today.year}")
    weeks.reload()
    weeks.becomes(weeks.lines, [Line("1", "Copper Ladle", "2")])
    assert weeks.tab("This week").get_attribute("aria-selected") == "true"


def test_trending_weighs_by_age_and_tells_so(weeks: Page, service: Service) -> None:
    prefer(weeks.browser, prefers_reduced_motion="reduce")  # no heart is pressed on its way
    weeks.tab("Trending").click()
    # Nine days are three half-lives: three favorites weigh 3/8.
    weeks.becomes(weeks.lines, [Line("1", "Copper Ladle", "2.0"), Line("2", "Lemon Harbor", "0.4")])
    assert weeks.text("#board-rows .count .unseen") == " points"
    assert "three days ago by half" in weeks.text("#board-hint")
    weeks.becomes(lambda: totals(weeks), ["Bistro · 2 in all", "Seafood · 3 in all"])
    for user in ("dee", "eve"):
        service.store.mark(user, "harbor")
    weeks.becomes(weeks.lines, [Line("1", "Lemon Harbor", "2.4"), Line("2", "Copper Ladle", "2.0")])
    weeks.becomes(lambda: totals(weeks), ["Seafood · 5 in all", "Bistro · 2 in all"])
    weeks.heart("Copper Ladle").click()
    weeks.becomes(lambda: weeks.text("#polite"), "Copper Ladle: 3.0 points")


def fill_dates(page: Page, first: str, last: str) -> None:
    for field, day in (("#from", first), ("#to", last)):
        # Set by script: the order in which a date field takes digits is the reader's locale's.
        page.run(
            "arguments[0].value = arguments[1];"
            "arguments[0].dispatchEvent(new InputEvent('input', {bubbles: true}))",
            page.one(field),
            day,
        )
    page.one("#dates button").click()


def test_a_span_of_ones_own_choice(service: Service, open_window: OpenWindow) -> None:
    def on(day: int) -> datetime:
        return datetime(2024, 2, day, 12, tzinfo=UTC)

    load(
        service,
        ("ann", "harbor", on(28)),
        ("bob", "harbor", on(29)),
        ("ann", "ladle", on(29)),
        ("ann", "crane", on(1)),
    )
    page = open_window(service)
    assert not page.shown("#dates")
    page.tab("Dates").click()
    page.becomes(lambda: page.text("#board-empty"), "No favorites from these days.")
    assert page.one("#from").accessible_name == "From"
    assert page.one("#to").accessible_name == "to"
    today = datetime.now(UTC).date()
    assert page.one("#to").get_attribute("value") == today.isoformat()
    assert page.one("#from").get_attribute("value") == (today - timedelta(days=13)).isoformat()
    fill_dates(page, "2024-02-28", "2024-02-29")
    page.becomes(page.lines, [Line("1", "Lemon Harbor", "2"), Line("2", "Copper Ladle", "1")])
    assert page.text("#board-title").replace("\u2009", " ") == "28 – 29 Feb 2024"
    assert page.browser.current_url.endswith("#/2024-02-28..2024-02-29")
    page.reload()
    page.becomes(page.names, ["Lemon Harbor", "Copper Ladle"])
    assert page.one("#from").get_attribute("value") == "2024-02-28"
    load(service, ("dee", "ladle", on(28)), ("eve", "ladle", on(28)))
    page.becomes(page.lines, [Line("1", "Copper Ladle", "3"), Line("2", "Lemon Harbor", "2")])
    fill_dates(page, "2024-02-29", "2024-02-28")
    assert page.run("return arguments[0].validity.rangeUnderflow", page.one("#to"))
    assert page.names() == ["Copper Ladle", "Lemon Harbor"]
    page.tab("All time").click()
    page.becomes(lambda: len(page.lines()), 3)
    assert not page.shown("#dates")


@pytest.mark.parametrize(
    ("span", "why"),
    [
        ("2026-11-15..2026-11-01", "2026-11-15 comes after 2026-11-01; swap them."),
        ("2026-02-30..2026-03-01", "2026-02-30"),
    ],
)
def test_a_span_that_cannot_be_is_refused_with_the_reason(
    weeks: Page, expected_complaints: list[str], span: str, why: str
) -> None:
    expected_complaints.append("400")
    weeks.open(f"#/{span}")
    weeks.eventually(lambda: why in weeks.text("#board-empty"), "it says why")
    assert weeks.lines() == []
    weeks.becomes(lambda: weeks.text("#strip"), "nothing to follow")
    weeks.tab("All time").click()
    weeks.becomes(weeks.names, ["Lemon Harbor", "Copper Ladle"])
    weeks.becomes(lambda: weeks.text("#strip"), "live, 0 behind")


@pytest.fixture
def city(tmp_path: Path, browsers: object) -> Iterator[Service]:
    """Moonrice has four favorites, Harbour Bell three, The Ninth Oyster two, Plain one."""
    with running(Service(tmp_path, names=CUISINES)) as service:
        now = datetime.now(UTC)
        counts = {"moon": 4, "bell": 3, "oyster": 2, "plain": 1}
        load(service, *((f"u{n}", id_, now) for id_, count in counts.items() for n in range(count)))
        yield service


@pytest.fixture
def town(city: Service, open_window: OpenWindow) -> Iterator[Page]:
    page = open_window(city)
    page.eventually(lambda: page.shown("#cuisine"), "the cuisines come")
    yield page
    page.leave()  # before the service does


def test_a_cuisine_is_put_in_order_by_itself(town: Page, city: Service) -> None:
    assert [option.text for option in town.all("#cuisine option")] == [
        "All cuisines", "Japanese & more/less (1)", "Seafood (3)",
    ]  # fmt: skip
    assert town.one("#cuisine").accessible_name == "Cuisine"
    assert len(town.lines()) == 4
    Select(town.one("#cuisine")).select_by_value("Seafood")
    town.becomes(town.lines, [Line("1", "Harbour Bell", "3"), Line("2", "The Ninth Oyster", "2")])
    assert town.text("#board-hint") == "Places among 3 Seafood restaurants."
    for user in ("dee", "eve"):
        city.store.mark(user, "oyster")
    town.becomes(town.lines, [Line("1", "The Ninth Oyster", "4"), Line("2", "Harbour Bell", "3")])
    town.tab("This month").click()
    town.becomes(lambda: town.one("#board-panel").get_attribute("aria-busy"), "false")
    assert town.names() == ["The Ninth Oyster", "Harbour Bell"]
    town.reload()
    town.becomes(town.names, ["The Ninth Oyster", "Harbour Bell"])
    town.becomes(lambda: town.one("#cuisine").get_attribute("value"), "Seafood")
    Select(town.one("#cuisine")).select_by_value("Japanese & more/less")
    town.becomes(town.names, ["Moonrice"])
    town.reload()
    town.becomes(town.names, ["Moonrice"])
    Select(town.one("#cuisine")).select_by_value("")
    town.becomes(lambda: len(town.lines()), 4)
    assert town.text("#board-hint") == ""


def test_a_cuisine_without_favorites_says_so(town: Page) -> None:
    town.open("#/2020-01-01..2020-01-02/Seafood")
    assert town.text("#board-empty") == "None of 3 Seafood restaurants is on this board."
    town.open("#/all/Lunar")
    assert town.text("#board-empty") == "None of 0 Lunar restaurants is on this board."


def test_a_catalogue_without_cuisines_has_no_filter(
    tmp_path: Path, open_window: OpenWindow
) -> None:
    with running(Service(tmp_path)) as service:
        page = open_window(service)
        page.becomes(lambda: page.text("#strip"), "live, 0 behind")
        assert not page.shown("#cuisine")
        page.leave()


def test_a_restaurant_has_its_place_and_steps_to_its_neighbours(town: Page) -> None:
    town.open_restaurant("bell")
    town.becomes(lambda: town.text("#place"), "2nd of 4")
    assert town.text("#place-in") == "All time"
    assert town.one("#place-up").accessible_name == "One place up: 1st Moonrice"
    assert town.one("#place-down").accessible_name == "One place down: 3rd The Ninth Oyster"
    town.tab_to("One place up: 1st Moonrice")
    town.press(Keys.ENTER)
    town.becomes(lambda: town.text("#detail-title"), "Moonrice")
    town.becomes(lambda: town.text("#place"), "1st of 4")
    town.becomes(lambda: town.text("#polite"), "Moonrice: 1st of 4")
    up = town.one("#place-up")
    assert town.browser.switch_to.active_element == up, "the focus stays on the step"
    assert up.get_attribute("aria-disabled") == "true"
    assert up.accessible_name == "One place up: None above"
    for name, place in (("Harbour Bell", "2nd"), ("The Ninth Oyster", "3rd"), ("Plain", "4th")):
        town.one("#place-down").click()
        town.becomes(lambda: town.text("#detail-title"), name)
        town.becomes(lambda: town.text("#place"), f"{place} of 4")
    assert town.one("#place-down").accessible_name == "One place down: None below"
    town.browser.back()
    town.becomes(lambda: town.text("#detail-title"), "The Ninth Oyster")


def test_the_place_is_one_of_the_window_and_moves(
    town: Page, city: Service, expected_complaints: list[str]
) -> None:
    expected_complaints.append("404")  # where there is no place; consoles show every 404
    town.open_restaurant("oyster")
    town.becomes(lambda: town.text("#place"), "3rd of 4")
    load(city, *((f"v{n}", "bell", datetime(2024, 2, 28, tzinfo=UTC)) for n in range(2)))
    load(city, *((f"v{n}", "oyster", datetime(2024, 2, 29, tzinfo=UTC)) for n in range(4)))
    town.becomes(lambda: town.text("#place"), "1st of 4")
    town.tab("Dates").click()
    fill_dates(town, "2024-02-01", "2024-02-28")
    town.becomes(lambda: town.text("#place"), "Not on this leaderboard")
    fill_dates(town, "2024-02-01", "2024-02-29")
    town.becomes(lambda: town.text("#place"), "1st of 2")
    assert town.text("#place-in").replace("\u2009", " ") == "1 – 29 Feb 2024"
    town.tab("Trending").click()
    town.becomes(lambda: town.text("#place"), "3rd of 4")
    assert town.text("#place-in") == "Trending"


def test_a_restaurant_without_favorites_has_no_place(town: Page) -> None:
    town.open_restaurant("sundial")
    town.becomes(lambda: town.text("#place"), "Not on this leaderboard")
    assert town.one("#tally-all").text == "0"
    town.heart("Salt & Sundial", "#detail").click()
    town.becomes(lambda: town.text("#place"), "5th of 5")


@pytest.fixture
def noting(service: Service, open_window: OpenWindow) -> Iterator[Page]:
    """A page that notes what it asks the service for."""
    page = open_window(service)
    script = page.browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": _NOTE_REQUESTS}
    )
    yield page
    page.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def asked_about(page: Page) -> tuple[list[list[str]], list[list[str]]]:
    """The ids of each request for hearts, and of each for counts."""
    asked = [
        (urlsplit(url).path, parse_qs(urlsplit(url).query)) for url in page.run("return asked")
    ]
    hearts = [query["id"] for path, query in asked if path.endswith("/favorites") and "id" in query]
    counts = [query["id"] for path, query in asked if path == "/restaurants/tallies"]
    return hearts, counts


def test_hearts_and_counts_of_a_screen_take_two_requests(noting: Page, service: Service) -> None:
    page = noting
    now = datetime.now(UTC)
    ids = [f"place {number:02}" for number in range(60)]
    load(service, *((f"u{n}", id_, now) for id_ in ids for n in range(3)))
    me = page.text("#who-name")
    load(service, *((me, id_, now - timedelta(days=62 - at)) for at, id_ in enumerate(ids)))
    page.open("#/day")
    page.becomes(lambda: len(page.all("#board-rows .heart[aria-pressed=true]")), 25)
    page.becomes(lambda: totals(page), ["4 in all"] * 25)
    page.becomes(page.mine, ids[:44:-1])
    hearts, counts = asked_about(page)
    assert hearts == [ids[:25]], "the list of my favorites brings its own"
    assert ids[:25] in counts
    assert all(of in (ids[:25], ids[:44:-1]) for of in counts), "one request for a whole list"
    page.click("#board-more")
    page.becomes(lambda: totals(page), ["4 in all"] * 50)
    page.becomes(lambda: len(page.all("#board-rows .heart[aria-pressed=true]")), 50)
    hearts, counts = asked_about(page)
    assert hearts == [ids[:25], ids[25:45]]
    assert ids[25:45] in counts, "the rest is known"
    assert page.text("#mine-count") == "15+"


def test_counts_stand_wherever_a_restaurant_is_shown(weeks: Page, service: Service) -> None:
    weeks.heart("Lemon Harbor").click()
    count = "return document.querySelector(arguments[0])?.textContent"
    weeks.becomes(lambda: weeks.run(count, "#mine-rows .count"), "4 favorites")
    weeks.find("lemon")
    weeks.becomes(lambda: weeks.run(count, "#find-rows .count"), "4 favorites")
    service.store.mark("dee", "harbor")
    weeks.becomes(lambda: weeks.run(count, "#mine-rows .count"), "5 favorites")


@pytest.mark.parametrize(
    ("blocked", "sentence"),
    [
        ("*/favorites?id=*", "Hearts or counts could not be read. The service cannot be reached"),
        ("*/restaurants/tallies", "Hearts or counts could not be read. The service cannot be"),
        ("*/static/detail.js", "A part of this page did not come. Load the page again."),
    ],
)
def test_what_does_not_come_is_told(
    weeks: Page, expected_complaints: list[str], blocked: str, sentence: str
) -> None:
    expected_complaints.append("ERR_BLOCKED_BY_CLIENT")
    weeks.browser.execute_cdp_cmd("Network.enable", {})
    weeks.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": [blocked]})
    try:
        weeks.open_restaurant("harbor")
        weeks.eventually(lambda: sentence in weeks.text("#trouble p"), "it says so")
        assert weeks.names() == ["Lemon Harbor", "Copper Ladle"], "the rest is there"
    finally:
        weeks.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


def test_many_long_ids_are_asked_about_in_parts(service: Service, open_window: OpenWindow) -> None:
    ids = [f"{number:02}" + "ü" * 511 for number in range(10)]
    load(service, *((user, id_, datetime.now(UTC)) for id_ in ids for user in ("ann", "bob")))
    page = open_window(service, "#/month", size=PHONE)
    page.becomes(page.names, ids)
    page.becomes(lambda: totals(page), ["2 in all"] * 10)
    assert page.sideways() <= 0
