"""Windows of real browsers on real services."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tallies.favorites.catalogue import Restaurant
from tests.browser.chromium import WIDE, chromium, missing_chromium, prefer, resize
from tests.browser.page import Page
from tests.browser.service import Service, running

NAMES = {
    entry.id: entry
    for entry in (
        Restaurant("harbor", "Lemon Harbor", "Seafood"),
        Restaurant("ladle", "Copper Ladle", "Bistro"),
        Restaurant("noodles", "Night Owl Noodles", "Noodles"),
        Restaurant("crane", "Paper Crane", None),
    )
}

OpenWindow = Callable[..., Page]


@pytest.fixture(scope="session")
def browsers() -> Iterator[list[Chrome]]:
    """Two browsers for the whole run: two readers who share nothing."""
    if missing := missing_chromium():
        if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    with ExitStack() as stack:
        yield [stack.enter_context(chromium()) for _ in range(2)]


@pytest.fixture
def service(tmp_path: Path, browsers: list[Chrome]) -> Iterator[Service]:
    """A service over an empty store with four names; it aggregates."""
    with running(Service(tmp_path, names=NAMES)) as made:
        yield made


@pytest.fixture
def expected_complaints() -> list[str]:
    """Parts of console messages that a test causes on purpose."""
    return []


@pytest.fixture
def open_window(browsers: list[Chrome], expected_complaints: list[str]) -> Iterator[OpenWindow]:
    """Opens the page in a browser of its own; each service is another origin, so nothing is kept.

    When the test is over, no console may hold a complaint and no request may have left the
    service: what holds for every test is asked in every test.
    """
    opened: list[Page] = []

    def open_one(service: Service, fragment: str = "", size: tuple[int, int] = WIDE) -> Page:
        browser = browsers[len(opened)]
        prefer(browser)
        resize(browser, *size)
        page = Page(browser, service.url)
        page.leave()
        page.complaints()
        page.foreign_requests()
        opened.append(page)
        page.open(fragment)
        return page

    yield open_one
    for page in opened:
        complaints = [
            message
            for message in page.complaints()
            if not any(part in message for part in expected_complaints)
        ]
        assert complaints == []
        assert page.foreign_requests() == []
        page.leave()


@pytest.fixture
def window(service: Service, open_window: OpenWindow) -> Page:
    """The page, wide, on the usual service."""
    return open_window(service)
