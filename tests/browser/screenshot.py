"""Makes the README's pictures: the made-up city while its people mark and unmark, and the page of a
table of one's own.

usage: python -m tests.browser.screenshot [FOLDER]   (docs unless told otherwise)
"""

import sys
import tempfile
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from tallies.favorites.city import NOTICE, City, restaurants
from tests.browser.chromium import WIDE, chromium, prefer, resize
from tests.browser.page import Page
from tests.browser.service import Service, running
from tests.browser.shop import Shop

READER = "robin"
LIVE_EVENTS = 60


def of_favorites(file: Path) -> None:
    """Take the picture of the city and write it as PNG."""
    city = City()
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), names=restaurants(), notice=NOTICE)
        for _ in service.store.load(city.history(datetime.now(UTC))):
            pass
        service.drain()
        with running(service), chromium() as browser:
            resize(browser, *WIDE)
            prefer(browser, prefers_reduced_motion="reduce")  # no row caught between two places
            page = Page(browser, service.url)
            page.open()
            page.run("localStorage.setItem('favorites.name', arguments[0])", READER)
            leaders = [line.group for line in service.store.leaderboard("all", 8)]
            for restaurant in (leaders[1], leaders[4], leaders[6]):
                service.store.mark(READER, restaurant)
            for _, event in islice(city.live(), LIVE_EVENTS):
                if event.op == "mark":
                    service.store.mark(event.user_id, event.restaurant_id)
                else:
                    service.store.unmark(event.user_id, event.restaurant_id)
            page.open_restaurant(leaders[1])
            page.becomes(lambda: page.text("#strip"), "live, 0 behind")
            page.eventually(lambda: page.all("#table-rows tr"), "the history comes")
            page.run("document.activeElement.blur(); scrollTo(0, 0)")
            browser.save_screenshot(str(file))
            page.leave()


def of_any_table(file: Path) -> None:
    """Take the picture of a shop's orders and write it as PNG."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.a_busy_month()
        with running(shop), chromium() as browser:
            resize(browser, *WIDE)
            prefer(browser, prefers_reduced_motion="reduce")
            page = Page(browser, shop.url)
            page.open()
            page.becomes(lambda: page.text("#strip"), "live, 0 behind")
            page.becomes(lambda: len(page.lines()), 7)
            page.click("#board-rows li:nth-child(1) .place")
            page.eventually(lambda: page.all("#plot svg"), "the history comes")
            page.run("document.activeElement.blur(); scrollTo(0, 0)")
            browser.save_screenshot(str(file))
            page.leave()


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    folder.mkdir(parents=True, exist_ok=True)
    of_favorites(folder / "page.png")
    of_any_table(folder / "any-table.png")
