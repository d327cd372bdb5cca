"""Who the reader is: a name of their own, or a token."""

import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from selenium.webdriver.common.keys import Keys

from tallies.favorites.http import JwtAuth
from tests.browser.conftest import NAMES, OpenWindow
from tests.browser.page import Page
from tests.browser.service import Service, running

SECRET = "a secret of the tests, at least 32 bytes"


def say_who(page: Page, value: str) -> None:
    field = page.one("#ask-value")
    field.clear()
    field.send_keys(value, Keys.ENTER)


def test_a_guest_has_a_name_that_stays(window: Page) -> None:
    name = window.text("#who-name")
    assert name
    window.reload()
    window.becomes(lambda: window.text("#who-name"), name)


@pytest.mark.slow
def test_another_name_has_other_favorites(window: Page, service: Service) -> None:
    service.store.mark("zoë", "ladle")
    window.becomes(window.names, ["Copper Ladle"])
    window.becomes(lambda: window.marked("Copper Ladle"), False)
    window.one("#who").click()
    window.becomes(lambda: window.one("#ask-value").accessible_name, "Your name")
    say_who(window, "zoë")
    window.becomes(window.mine, ["Copper Ladle"])
    window.becomes(lambda: window.marked("Copper Ladle"), True)
    window.reload()
    window.becomes(lambda: window.text("#who-name"), "zoë")
    window.becomes(window.mine, ["Copper Ladle"])


@pytest.mark.slow
def test_cancel_keeps_the_name(window: Page) -> None:
    name = window.text("#who-name")
    window.one("#who").click()
    window.one("#ask-value").send_keys("somebody")
    window.one("#ask-cancel").click()
    window.becomes(lambda: window.shown("#ask"), False)
    window.becomes(lambda: window.text("#who-name"), name)


@pytest.mark.slow
def test_a_browser_that_stores_nothing_still_works(window: Page, service: Service) -> None:
    service.store.mark("ann", "harbor")
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused') }})"
    script = window.browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": refuse}
    )
    try:
        window.reload()
        window.becomes(window.names, ["Lemon Harbor"])
        window.heart("Lemon Harbor").click()
        window.becomes(lambda: window.lines()[0].favorites, "2")
    finally:
        window.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


@pytest.fixture
def guarded(tmp_path: Path, expected_complaints: list[str]) -> Iterator[Service]:
    expected_complaints.append("401")
    with running(Service(tmp_path, names=NAMES, auth=JwtAuth(secret=SECRET))) as service:
        service.store.mark("ann", "harbor")
        service.drain()
        yield service


@pytest.fixture
def stranger(guarded: Service, open_window: OpenWindow) -> Iterator[Page]:
    page = open_window(guarded)
    page.becomes(lambda: page.text("#who-name"), "Sign in")
    yield page
    page.leave()


def token(subject: str, seconds: int = 60) -> str:
    return jwt.encode({"sub": subject, "exp": int(time.time()) + seconds}, SECRET, "HS256")


def test_all_may_read_and_a_heart_asks_for_a_token(stranger: Page) -> None:
    stranger.becomes(lambda: stranger.names(), ["Lemon Harbor"])
    assert not stranger.shown("#ask"), "nobody is asked before it matters"
    stranger.heart("Lemon Harbor").click()
    stranger.becomes(lambda: stranger.shown("#ask"), True)
    stranger.becomes(lambda: stranger.one("#ask-value").accessible_name, "Access token")
    stranger.becomes(lambda: stranger.one("#ask-value").get_attribute("type"), "password")


def test_a_token_signs_in_for_this_tab(stranger: Page) -> None:
    stranger.one("#who").click()
    say_who(stranger, token("zoë"))
    stranger.becomes(lambda: stranger.text("#who-name"), "zoë")
    stranger.heart("Lemon Harbor").click()
    stranger.becomes(lambda: stranger.lines()[0].favorites, "2")
    stranger.reload()
    stranger.becomes(lambda: stranger.text("#who-name"), "zoë")
    stranger.becomes(lambda: stranger.marked("Lemon Harbor"), True)
    assert stranger.run("return Object.values(localStorage).join().includes('eyJ')") is False


@pytest.mark.slow
def test_what_is_no_token_is_told(stranger: Page) -> None:
    stranger.one("#who").click()
    say_who(stranger, "open sesame")
    stranger.eventually(
        lambda: "no access token that names" in stranger.text("#ask-error"), "it says why"
    )
    stranger.becomes(lambda: stranger.shown("#ask"), True)


@pytest.mark.slow
def test_a_token_that_ran_out_is_asked_for_again(stranger: Page) -> None:
    stranger.one("#who").click()
    say_who(stranger, token("zoë", seconds=-3600))
    stranger.becomes(lambda: stranger.text("#who-name"), "Sign in")
    stranger.becomes(lambda: stranger.shown("#ask"), False)
    stranger.heart("Lemon Harbor").click()
    stranger.becomes(lambda: stranger.shown("#ask"), True)
    stranger.one("#ask-cancel").click()
    stranger.becomes(lambda: stranger.marked("Lemon Harbor"), False)
