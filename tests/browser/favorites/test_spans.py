"""Boards of any days: this week, dates of one's own, and trending, which weighs by age."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.chromium import prefer
from tests.browser.conftest import OpenWindow
from tests.browser.favorites.boards import fill_dates, load, totals
from tests.browser.page import Line, Page
from tests.browser.service import Service


@pytest.mark.slow
def test_this_week_is_the_last_seven_days(weeks: Page) -> None:
    weeks.becomes(lambda: weeks.names(), ["Lemon Harbor", "Copper Ladle"])
    weeks.tab("This week").click()
    weeks.becomes(weeks.lines, [Line("1", "Copper Ladle", "2")])
    today = datetime.now(UTC)
    assert weeks.text("#board-title").endswith(f"{today:%b} {today.year}")
    weeks.reload()
    weeks.becomes(weeks.lines, [Line("1", "Copper Ladle", "2")])
    assert weeks.tab("This week").get_attribute("aria-selected") == "true"


@pytest.mark.slow
def test_trending_weighs_by_age_and_tells_so(weeks: Page, service: Service) -> None:
    prefer(weeks.browser, prefers_reduced_motion="reduce")  # no heart is pressed on its way
    weeks.tab("Trending").click()
    # Nine days are three half-lives: three favorites weigh 3/8.
    weeks.becomes(weeks.lines, [Line("1", "Copper Ladle", "2.0"), Line("2", "Lemon Harbor", "0.4")])
    weeks.becomes(lambda: weeks.text("#board-rows .count .unseen"), " points")
    weeks.eventually(lambda: "three days ago by half" in weeks.text("#board-hint"), "it says how")
    weeks.becomes(lambda: totals(weeks), ["Bistro · 2 in all", "Seafood · 3 in all"])
    for user in ("dee", "eve"):
        service.store.mark(user, "harbor")
    weeks.becomes(weeks.lines, [Line("1", "Lemon Harbor", "2.4"), Line("2", "Copper Ladle", "2.0")])
    weeks.becomes(lambda: totals(weeks), ["Seafood · 5 in all", "Bistro · 2 in all"])
    weeks.heart("Copper Ladle").click()
    weeks.becomes(lambda: weeks.text("#polite"), "Copper Ladle: 3.0 points")


def test_a_span_of_ones_own_choice(service: Service, open_window: OpenWindow) -> None:
    def on(day: int) -> datetime:
        return datetime(2024, 2, day, 12, tzinfo=UTC)

    load(
        service,
        ("ann", "harbor", on(28)),
        ("bob", "harbor", on(29)),
        ("ann", "ladle", on(29)),
        ("ann", "crane", on(1)),
    )
    page = open_window(service)
    page.becomes(lambda: page.shown("#dates"), False)
    page.tab("Dates").click()
    page.becomes(lambda: page.text("#board-empty"), "No favorites from these days.")
    page.becomes(lambda: page.one("#from").accessible_name, "From")
    page.becomes(lambda: page.one("#to").accessible_name, "to")
    today = datetime.now(UTC).date()
    page.becomes(lambda: page.one("#to").get_attribute("value"), today.isoformat())
    page.becomes(
        lambda: page.one("#from").get_attribute("value"), (today - timedelta(days=13)).isoformat()
    )
    fill_dates(page, "2024-02-28", "2024-02-29")
    page.becomes(page.lines, [Line("1", "Lemon Harbor", "2"), Line("2", "Copper Ladle", "1")])
    page.becomes(lambda: page.text("#board-title").replace("\u2009", " "), "28 – 29 Feb 2024")
    assert page.browser.current_url.endswith("#/2024-02-28..2024-02-29")
    page.reload()
    page.becomes(page.names, ["Lemon Harbor", "Copper Ladle"])
    page.becomes(lambda: page.one("#from").get_attribute("value"), "2024-02-28")
    load(service, ("dee", "ladle", on(28)), ("eve", "ladle", on(28)))
    page.becomes(page.lines, [Line("1", "Copper Ladle", "3"), Line("2", "Lemon Harbor", "2")])
    fill_dates(page, "2024-02-29", "2024-02-28")
    assert page.run("return arguments[0].validity.rangeUnderflow", page.one("#to"))
    page.becomes(lambda: page.names(), ["Copper Ladle", "Lemon Harbor"])
    page.tab("All time").click()
    page.becomes(lambda: len(page.lines()), 3)
    page.becomes(lambda: page.shown("#dates"), False)


@pytest.mark.slow(but="swap")
@pytest.mark.parametrize(
    ("span", "why"),
    [
        ("2026-11-15..2026-11-01", "2026-11-15 comes after 2026-11-01; swap them."),
        ("2026-02-30..2026-03-01", "2026-02-30"),
    ],
)
def test_a_span_that_cannot_be_is_refused_with_the_reason(
    weeks: Page, expected_complaints: list[str], span: str, why: str
) -> None:
    expected_complaints.append("400")
    weeks.open(f"#/{span}")
    weeks.eventually(lambda: why in weeks.text("#board-empty"), "it says why")
    weeks.becomes(lambda: weeks.lines(), [])
    weeks.becomes(lambda: weeks.text("#strip"), "nothing to follow")
    weeks.tab("All time").click()
    weeks.becomes(weeks.names, ["Lemon Harbor", "Copper Ladle"])
    weeks.becomes(lambda: weeks.text("#strip"), "live, 0 behind")
