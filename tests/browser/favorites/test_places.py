"""The place of a restaurant on a board, and its neighbours."""

from datetime import UTC, datetime

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.favorites.boards import fill_dates, load
from tests.browser.page import Page
from tests.browser.service import Service


@pytest.mark.slow
def test_a_restaurant_has_its_place_and_steps_to_its_neighbours(town: Page) -> None:
    town.open_restaurant("bell")
    town.becomes(lambda: town.text("#place"), "2nd of 4")
    town.becomes(lambda: town.text("#place-in"), "All time")
    town.becomes(lambda: town.one("#place-up").accessible_name, "One place up: 1st Moonrice")
    town.becomes(
        lambda: town.one("#place-down").accessible_name, "One place down: 3rd The Ninth Oyster"
    )
    town.tab_to("One place up: 1st Moonrice")
    town.press(Keys.ENTER)
    town.becomes(lambda: town.text("#detail-title"), "Moonrice")
    town.becomes(lambda: town.text("#place"), "1st of 4")
    town.becomes(lambda: town.text("#polite"), "Moonrice: 1st of 4")
    up = town.one("#place-up")
    assert town.browser.switch_to.active_element == up, "the focus stays on the step"
    assert up.get_attribute("aria-disabled") == "true"
    assert up.accessible_name == "One place up: None above"
    for name, place in (("Harbour Bell", "2nd"), ("The Ninth Oyster", "3rd"), ("Plain", "4th")):
        town.one("#place-down").click()
        town.becomes(lambda: town.text("#detail-title"), name)
        town.becomes(lambda: town.text("#place"), f"{place} of 4")
    town.becomes(lambda: town.one("#place-down").accessible_name, "One place down: None below")
    town.browser.back()
    town.becomes(lambda: town.text("#detail-title"), "The Ninth Oyster")


@pytest.mark.slow
def test_the_place_is_one_of_the_window_and_moves(
    town: Page, city: Service, expected_complaints: list[str]
) -> None:
    expected_complaints.append("404")  # where there is no place; consoles show every 404
    town.open_restaurant("oyster")
    town.becomes(lambda: town.text("#place"), "3rd of 4")
    load(city, *((f"v{n}", "bell", datetime(2024, 2, 28, tzinfo=UTC)) for n in range(2)))
    load(city, *((f"v{n}", "oyster", datetime(2024, 2, 29, tzinfo=UTC)) for n in range(4)))
    town.becomes(lambda: town.text("#place"), "1st of 4")
    town.tab("Dates").click()
    fill_dates(town, "2024-02-01", "2024-02-28")
    town.becomes(lambda: town.text("#place"), "Not on this leaderboard")
    fill_dates(town, "2024-02-01", "2024-02-29")
    town.becomes(lambda: town.text("#place"), "1st of 2")
    town.becomes(lambda: town.text("#place-in").replace("\u2009", " "), "1 – 29 Feb 2024")
    town.tab("Trending").click()
    town.becomes(lambda: town.text("#place"), "3rd of 4")
    town.becomes(lambda: town.text("#place-in"), "Trending")


@pytest.mark.slow
def test_a_restaurant_without_favorites_has_no_place(town: Page) -> None:
    town.open_restaurant("sundial")
    town.becomes(lambda: town.text("#place"), "Not on this leaderboard")
    town.becomes(lambda: town.one("#tally-all").text, "0")
    town.heart("Salt & Sundial", "#detail").click()
    town.becomes(lambda: town.text("#place"), "5th of 5")
