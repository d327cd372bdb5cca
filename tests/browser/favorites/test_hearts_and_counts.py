"""Hearts and counts of all restaurants of a screen are asked for at once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.chromium import PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.favorites.boards import load, totals
from tests.browser.page import Page
from tests.browser.service import Service

_NOTE_REQUESTS = """
window.asked = [];
const ask = window.fetch;
window.fetch = (url, how) => {
  asked.push(String(url));
  return ask(url, how);
};
"""


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
    page.becomes(lambda: page.text("#mine-count"), "15+")


@pytest.mark.slow
def test_counts_stand_wherever_a_restaurant_is_shown(weeks: Page, service: Service) -> None:
    weeks.heart("Lemon Harbor").click()
    count = "return document.querySelector(arguments[0])?.textContent"
    weeks.becomes(lambda: weeks.run(count, "#mine-rows .count"), "4 favorites")
    weeks.find("lemon")
    weeks.becomes(lambda: weeks.run(count, "#find-rows .count"), "4 favorites")
    service.store.mark("dee", "harbor")
    weeks.becomes(lambda: weeks.run(count, "#mine-rows .count"), "5 favorites")


@pytest.mark.slow(but="detail.js")
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
        weeks.becomes(lambda: weeks.names(), ["Lemon Harbor", "Copper Ladle"])
    finally:
        weeks.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


@pytest.mark.slow
def test_many_long_ids_are_asked_about_in_parts(service: Service, open_window: OpenWindow) -> None:
    ids = [f"{number:02}" + "ü" * 511 for number in range(10)]
    load(service, *((user, id_, datetime.now(UTC)) for id_ in ids for user in ("ann", "bob")))
    page = open_window(service, "#/month", size=PHONE)
    page.becomes(page.names, ids)
    page.becomes(lambda: totals(page), ["2 in all"] * 10)
    assert page.sideways() <= 0
