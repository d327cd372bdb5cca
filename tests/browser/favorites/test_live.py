"""Counts and order move by themselves, and the strip tells how far behind they are."""

from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.browser.chromium import prefer
from tests.browser.conftest import NAMES, OpenWindow
from tests.browser.page import Line, Page
from tests.browser.service import PATIENCE_SECONDS, Service, running

_COUNT_GLIDES = """
window.glides = 0;
const animate = Element.prototype.animate;
Element.prototype.animate = function (...how) {
  if (this.matches("li")) window.glides++;
  return animate.apply(this, how);
};
"""


def overtake(window: Page, service: Service) -> None:
    """Lemon Harbor leads by one; two more marks bring Copper Ladle to the top."""
    for user, restaurant in (("ann", "harbor"), ("bob", "harbor"), ("ann", "ladle")):
        service.store.mark(user, restaurant)
    window.becomes(window.names, ["Lemon Harbor", "Copper Ladle"])
    window.run(_COUNT_GLIDES)
    service.store.mark("bob", "ladle")
    service.store.mark("cy", "ladle")
    window.becomes(window.names, ["Copper Ladle", "Lemon Harbor"])


def test_a_mark_in_one_window_reorders_the_other(service: Service, open_window: OpenWindow) -> None:
    service.store.mark("ann", "harbor")
    service.store.mark("ann", "ladle")
    service.store.mark("bob", "harbor")
    service.drain()
    marking, watching = open_window(service), open_window(service)
    watching.run("window.sameDocument = true")
    watching.becomes(lambda: watching.names(), ["Lemon Harbor", "Copper Ladle"])
    marking.heart("Copper Ladle").click()
    # A tie is put in order by id: harbor before ladle. One more decides.
    watching.becomes(lambda: watching.lines()[1], Line("2", "Copper Ladle", "2"))
    service.store.mark("cy", "ladle")
    watching.becomes(
        watching.lines, [Line("1", "Copper Ladle", "3"), Line("2", "Lemon Harbor", "2")]
    )
    assert watching.run("return window.sameDocument") is True
    assert not watching.marked("Copper Ladle"), "it is the other reader's favorite"


@pytest.mark.slow
def test_rows_glide_to_their_new_place(window: Page, service: Service) -> None:
    overtake(window, service)
    assert window.run("return window.glides") >= 2


@pytest.mark.slow
def test_rows_keep_still_for_who_wants_less_motion(window: Page, service: Service) -> None:
    prefer(window.browser, prefers_reduced_motion="reduce")
    overtake(window, service)
    window.becomes(lambda: window.run("return window.glides"), 0)


@pytest.mark.slow
def test_the_focus_stays_in_a_row_that_moves(window: Page, service: Service) -> None:
    service.store.mark("ann", "harbor")
    service.store.mark("bob", "harbor")
    service.store.mark("ann", "ladle")
    window.becomes(window.names, ["Lemon Harbor", "Copper Ladle"])
    window.run("arguments[0].focus()", window.heart("Copper Ladle"))
    service.store.mark("bob", "ladle")
    service.store.mark("cy", "ladle")
    window.becomes(window.names, ["Copper Ladle", "Lemon Harbor"])
    assert window.browser.switch_to.active_element == window.heart("Copper Ladle")


def test_the_own_marks_count_is_announced(window: Page, service: Service) -> None:
    service.store.mark("ann", "harbor")
    window.becomes(window.names, ["Lemon Harbor"])
    window.heart("Lemon Harbor").click()
    window.becomes(lambda: window.text("#polite"), "Lemon Harbor: 2 favorites")
    window.becomes(lambda: window.one("#polite").get_attribute("role"), "status")


_ANSWERED = """
return performance.getEntriesByType("resource").some((entry) => entry.name.endsWith(arguments[0]));
"""


@pytest.mark.slow
def test_the_own_marks_count_is_announced_though_it_comes_before_the_answer(
    window: Page, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.store.mark("ann", "harbor")
    window.becomes(window.names, ["Lemon Harbor"])
    counted = Event()
    mark = service.store.mark

    def slowly_answered(*arguments: Any, **more: Any) -> Any:
        made = mark(*arguments, **more)
        assert counted.wait(PATIENCE_SECONDS)
        return made

    monkeypatch.setattr(service.store, "mark", slowly_answered)
    window.heart("Lemon Harbor").click()
    window.becomes(lambda: window.text("#polite"), "Lemon Harbor: 2 favorites")
    assert not window.run(_ANSWERED, "/favorites/harbor")
    counted.set()
    window.eventually(lambda: window.run(_ANSWERED, "/favorites/harbor"), "it is answered")
    window.becomes(lambda: window.text("#polite"), "Lemon Harbor: 2 favorites")


@pytest.mark.slow
def test_the_strip_tells_how_far_behind_the_counts_are(
    tmp_path: Path, open_window: OpenWindow
) -> None:
    with running(Service(tmp_path, names=NAMES), aggregate=False) as service:
        page = open_window(service)
        page.becomes(lambda: page.text("#strip"), "live, 0 behind")
        for restaurant in ("harbor", "ladle"):
            service.store.mark("ann", restaurant)
        page.eventually(lambda: page.text("#strip").startswith("2 changes behind, "), "it lags")
        page.becomes(lambda: page.lines(), [])
        with service.aggregating():
            page.becomes(lambda: page.text("#strip"), "live, 0 behind")
            page.becomes(page.names, ["Lemon Harbor", "Copper Ladle"])
        page.leave()


@pytest.mark.slow
def test_a_lost_connection_is_told_and_mended(
    tmp_path: Path, open_window: OpenWindow, expected_complaints: list[str]
) -> None:
    expected_complaints += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING"]
    service = Service(tmp_path, names=NAMES)
    with service.aggregating():
        with service.serving():
            page = open_window(service)
            page.becomes(lambda: page.text("#strip"), "live, 0 behind")
        page.becomes(lambda: page.text("#strip"), "connection lost, retrying")
        service.store.mark("ann", "harbor")
        with service.serving():
            page.becomes(lambda: page.text("#strip"), "live, 0 behind")
            page.becomes(page.names, ["Lemon Harbor"])
            page.leave()
