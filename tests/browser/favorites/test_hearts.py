"""Marking and unmarking."""

import pytest

from tests.browser.conftest import OpenWindow
from tests.browser.page import Page
from tests.browser.service import Service


@pytest.fixture
def three(service: Service) -> Service:
    """Lemon Harbor has three favorites, Copper Ladle two, Paper Crane one."""
    for user in ("ann", "bob", "cy"):
        service.store.mark(user, "harbor")
    for user in ("ann", "bob"):
        service.store.mark(user, "ladle")
    service.store.mark("ann", "crane")
    service.drain()
    return service


def counts(page: Page) -> dict[str, str]:
    return {line.name: line.favorites for line in page.lines()}


def test_a_mark_is_kept_and_counted(three: Service, open_window: OpenWindow) -> None:
    page = open_window(three)
    page.becomes(lambda: page.marked("Copper Ladle"), False)
    page.heart("Copper Ladle").click()
    assert page.marked("Copper Ladle"), "the heart does not wait for the service"
    page.becomes(
        lambda: counts(page), {"Lemon Harbor": "3", "Copper Ladle": "3", "Paper Crane": "1"}
    )
    page.becomes(page.mine, ["Copper Ladle"])
    page.reload()
    page.becomes(lambda: page.marked("Copper Ladle"), True)
    page.becomes(page.mine, ["Copper Ladle"])


@pytest.mark.slow
def test_an_unmark_is_kept_and_counted(three: Service, open_window: OpenWindow) -> None:
    page = open_window(three)
    page.heart("Paper Crane").click()
    page.becomes(lambda: counts(page)["Paper Crane"], "2")
    page.heart("Paper Crane").click()
    page.becomes(lambda: counts(page)["Paper Crane"], "1")
    page.reload()
    page.becomes(lambda: page.marked("Paper Crane"), False)
    page.becomes(page.mine, [])


def test_a_refused_mark_is_undone_with_a_message(
    three: Service, open_window: OpenWindow, expected_complaints: list[str]
) -> None:
    expected_complaints.append("503")
    page = open_window(three)
    three.hitch.refusing = True
    three.hitch.hold()
    page.heart("Copper Ladle").click()
    assert page.marked("Copper Ladle"), "the heart does not wait for the service"
    three.hitch.let_go()
    page.becomes(lambda: page.marked("Copper Ladle"), False)
    page.becomes(
        lambda: page.text("#trouble p"), "Copper Ladle is not a favorite. The store is full."
    )
    page.becomes(lambda: page.one("#trouble").get_attribute("role"), "alert")
    page.becomes(lambda: page.mine(), [])
    three.hitch.refusing = False
    page.heart("Copper Ladle").click()
    page.becomes(lambda: page.text("#trouble"), "")
    page.becomes(page.mine, ["Copper Ladle"])


@pytest.mark.slow
def test_a_refused_unmark_is_undone(
    three: Service, open_window: OpenWindow, expected_complaints: list[str]
) -> None:
    expected_complaints.append("503")
    page = open_window(three)
    page.heart("Copper Ladle").click()
    page.becomes(page.mine, ["Copper Ladle"])
    page.becomes(lambda: counts(page)["Copper Ladle"], "3")
    three.hitch.refusing = True
    page.heart("Copper Ladle").click()
    page.becomes(
        lambda: page.text("#trouble p"), "Copper Ladle is still a favorite. The store is full."
    )
    page.becomes(lambda: page.marked("Copper Ladle"), True)


@pytest.mark.slow
def test_the_last_of_many_presses_wins(three: Service, open_window: OpenWindow) -> None:
    page = open_window(three)
    three.hitch.hold()
    for _ in range(5):
        page.heart("Copper Ladle").click()
    page.becomes(lambda: page.marked("Copper Ladle"), True)
    three.hitch.let_go()
    page.becomes(lambda: counts(page)["Copper Ladle"], "3")
    page.reload()
    page.becomes(lambda: page.marked("Copper Ladle"), True)
    # Held, or the count could be 2 already between the first press and the second.
    three.hitch.hold()
    for _ in range(3):
        page.heart("Copper Ladle").click()
    three.hitch.let_go()
    page.becomes(lambda: counts(page)["Copper Ladle"], "2")
    page.reload()
    page.becomes(lambda: counts(page)["Copper Ladle"], "2")
    page.becomes(lambda: page.marked("Copper Ladle"), False)


@pytest.mark.slow
def test_hearts_of_one_restaurant_agree_everywhere(three: Service, open_window: OpenWindow) -> None:
    page = open_window(three)
    page.open_restaurant("crane")
    page.find("paper")
    page.heart("Paper Crane", "#find").click()
    for place in ("#board-rows", "#detail", "#find"):
        page.becomes(lambda place=place: page.marked("Paper Crane", place), True)  # type: ignore[misc]
    page.heart("Paper Crane", "#detail").click()
    for place in ("#board-rows", "#detail"):
        page.becomes(lambda place=place: page.marked("Paper Crane", place), False)  # type: ignore[misc]


@pytest.mark.slow
def test_a_slip_in_my_favorites_is_undone_where_it_happened(window: Page, service: Service) -> None:
    service.store.mark("ann", "harbor")
    window.eventually(lambda: window.heart("Lemon Harbor"), "the restaurant comes")
    window.heart("Lemon Harbor").click()
    window.becomes(window.mine, ["Lemon Harbor"])
    window.heart("Lemon Harbor", "#mine").click()
    window.becomes(lambda: window.text("#mine-count"), "0")
    window.becomes(lambda: window.mine(), ["Lemon Harbor"])
    window.eventually(lambda: "Removed" in window.text("#mine-rows .quiet"), "it says so")
    window.heart("Lemon Harbor", "#mine").click()
    window.becomes(lambda: window.text("#mine-count"), "1")
    window.reload()
    window.becomes(window.mine, ["Lemon Harbor"])


@pytest.mark.slow
def test_two_pages_of_one_browser_show_the_same_hearts(window: Page, service: Service) -> None:
    service.store.mark("ann", "harbor")
    window.eventually(lambda: window.heart("Lemon Harbor"), "the restaurant comes")
    first = window.browser.current_window_handle
    window.browser.switch_to.new_window("window")
    try:
        window.browser.get(window.url)
        window.eventually(lambda: window.heart("Lemon Harbor"), "the restaurant comes")
        window.heart("Lemon Harbor").click()
        window.eventually(lambda: "favorite" in window.text("#polite"), "the mark is confirmed")
    finally:
        window.browser.close()
        window.browser.switch_to.window(first)
    window.becomes(lambda: window.marked("Lemon Harbor"), True)
