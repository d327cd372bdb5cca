"""Makes the README's picture of the page: the made-up city, while its people mark and unmark.

usage: python -m tests.browser.screenshot [FILE]   (docs/page.png unless told otherwise)
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

READER = "robin"
LIVE_EVENTS = 60


def picture(file: Path) -> None:
    """Take the picture and write it as PNG."""
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
            file.parent.mkdir(parents=True, exist_ok=True)
            browser.save_screenshot(str(file))
            page.leave()


if __name__ == "__main__":
    picture(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/page.png"))
