"""What brings favorites onto a board, and what is read from it or set."""

from datetime import datetime

from tallies.core.times import canonical_time
from tallies.favorites.favorite import Event
from tests.browser.page import Page
from tests.browser.service import Service


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
