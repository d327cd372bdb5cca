"""Ids may be any text: nothing in them is taken for markup, for an address, or for a script."""

import pytest

from tests.browser.chromium import PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.page import Line, Page
from tests.browser.service import Service

STRANGE = [
    "a#b",
    "a/b",
    "../../health",
    "100%",
    "%2F",
    "?query=1&limit=2",
    "a+b c",
    "<script>document.title = 'broken'</script>",
    '"><img src=x onerror=alert(1)>',
    "🍜 ramen 🏳️‍🌈",
    "قهوة",
    "__proto__",
    "…",
    "a\\b;c",
]


@pytest.mark.slow(but="img")
@pytest.mark.parametrize("strange", STRANGE)
def test_a_strange_id_is_marked_shown_opened_and_unmarked(
    window: Page, service: Service, strange: str
) -> None:
    # Typed by script: the driver's keys know no characters beyond the basic plane.
    window.run(
        "const field = document.getElementById('find-text'); field.value = arguments[0];"
        "field.dispatchEvent(new InputEvent('input', {bubbles: true}))",
        strange,
    )
    window.eventually(lambda: window.all("#find-rows .name"), "the id is offered")
    window.heart(strange, "#find").click()
    window.becomes(window.lines, [Line("1", strange, "1")])
    (favorite,) = service.store.favorites_of(window.text("#who-name"), 10)
    assert favorite.restaurant_id == strange
    window.reload()
    window.becomes(lambda: window.marked(strange), True)
    window.run("arguments[0].click()", window.one("#board-rows .place"))
    window.becomes(lambda: window.text("#detail-title"), strange)
    window.becomes(lambda: window.text("#tally-all"), "1")
    window.reload()
    window.becomes(lambda: window.text("#detail-title"), strange)
    window.heart(strange, "#detail").click()
    window.becomes(window.lines, [])
    window.becomes(lambda: window.run("return document.title"), f"{strange} – Favorites")


@pytest.mark.slow(but=r"\.\.")
@pytest.mark.parametrize("dots", [".", ".."])
def test_an_id_that_no_address_carries_is_refused_with_a_sentence(window: Page, dots: str) -> None:
    window.find(dots)
    window.heart(dots, "#find").click()
    window.eventually(lambda: "cannot carry" in window.text("#trouble"), "it says why")
    window.becomes(lambda: window.marked(dots, "#find"), False)


def test_a_very_long_id_fits_a_phone(service: Service, open_window: OpenWindow) -> None:
    longest = "W" * 1024
    service.store.mark("ann", longest)
    service.drain()
    page = open_window(service, size=PHONE)
    page.becomes(lambda: page.names(), [longest])
    assert page.sideways() <= 0
    page.open_restaurant(longest)
    page.becomes(lambda: page.text("#tally-all"), "1")
    assert page.sideways() <= 0
