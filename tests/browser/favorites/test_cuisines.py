"""Boards of one cuisine."""

from pathlib import Path

import pytest
from selenium.webdriver.support.ui import Select

from tests.browser.conftest import OpenWindow
from tests.browser.page import Line, Page
from tests.browser.service import Service, running


@pytest.mark.slow
def test_a_cuisine_is_put_in_order_by_itself(town: Page, city: Service) -> None:
    assert [option.text for option in town.all("#cuisine option")] == [
        "All cuisines", "Japanese & more/less (1)", "Seafood (3)",
    ]  # fmt: skip
    town.becomes(lambda: town.one("#cuisine").accessible_name, "Cuisine")
    assert len(town.lines()) == 4
    Select(town.one("#cuisine")).select_by_value("Seafood")
    town.becomes(town.lines, [Line("1", "Harbour Bell", "3"), Line("2", "The Ninth Oyster", "2")])
    town.becomes(lambda: town.text("#board-hint"), "Places among 3 Seafood restaurants.")
    for user in ("dee", "eve"):
        city.store.mark(user, "oyster")
    town.becomes(town.lines, [Line("1", "The Ninth Oyster", "4"), Line("2", "Harbour Bell", "3")])
    town.tab("This month").click()
    town.becomes(lambda: town.one("#board-panel").get_attribute("aria-busy"), "false")
    town.becomes(lambda: town.names(), ["The Ninth Oyster", "Harbour Bell"])
    town.reload()
    town.becomes(town.names, ["The Ninth Oyster", "Harbour Bell"])
    town.becomes(lambda: town.one("#cuisine").get_attribute("value"), "Seafood")
    Select(town.one("#cuisine")).select_by_value("Japanese & more/less")
    town.becomes(town.names, ["Moonrice"])
    town.reload()
    town.becomes(town.names, ["Moonrice"])
    Select(town.one("#cuisine")).select_by_value("")
    town.becomes(lambda: len(town.lines()), 4)
    town.becomes(lambda: town.text("#board-hint"), "")


def test_a_cuisine_without_favorites_says_so(town: Page) -> None:
    town.open("#/2020-01-01..2020-01-02/Seafood")
    town.becomes(
        lambda: town.text("#board-empty"), "None of 3 Seafood restaurants is on this board."
    )
    town.open("#/all/Lunar")
    town.becomes(lambda: town.text("#board-empty"), "None of 0 Lunar restaurants is on this board.")


def test_a_catalogue_without_cuisines_has_no_filter(
    tmp_path: Path, open_window: OpenWindow
) -> None:
    with running(Service(tmp_path)) as service:
        page = open_window(service)
        page.becomes(lambda: page.text("#strip"), "live, 0 behind")
        page.becomes(lambda: page.shown("#cuisine"), False)
        page.leave()
