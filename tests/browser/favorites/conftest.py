"""Pages with boards on them: of few restaurants over weeks, and of a town with cuisines."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallies.favorites.catalogue import Restaurant
from tests.browser.conftest import OpenWindow
from tests.browser.favorites.boards import load
from tests.browser.page import Page
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
