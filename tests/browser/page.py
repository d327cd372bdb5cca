"""The page as a person meets it: what is seen, pressed and typed."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE_SECONDS = 60
T = TypeVar("T")


class Line(NamedTuple):
    """A row of the leaderboard as it is shown."""

    rank: str
    name: str
    favorites: str


_TEXTS = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
_LINES = """
return [...document.querySelectorAll("#board-rows > li")].map((row) => [
  row.querySelector(".rank").textContent,
  row.querySelector(".name").textContent,
  row.querySelector(".count b").textContent,
])
"""


class Page:
    """One window of the page."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def open(self, fragment: str = "") -> None:
        """Load the page afresh and wait until the leaderboard is there."""
        self.leave()  # or an address that differs in its fragment only would load nothing
        self.browser.get(self.url + fragment)
        self.eventually(
            lambda: self.one("#board-panel").get_attribute("aria-busy") == "false",
            "the leaderboard comes",
        )

    def open_restaurant(self, restaurant_id: str) -> None:
        self.open(f"#/restaurant/{quote(restaurant_id, safe='')}")

    def reload(self) -> None:
        self.browser.refresh()
        self.eventually(
            lambda: self.one("#board-panel").get_attribute("aria-busy") == "false",
            "the leaderboard comes",
        )

    def leave(self) -> None:
        """Go elsewhere, which ends the live stream."""
        self.browser.get("about:blank")

    def run(self, script: str, *arguments: object) -> Any:
        return self.browser.execute_script(script, *arguments)

    def eventually(self, condition: Callable[[], T], what: str) -> T:
        """Wait until something is so, and return what was so."""

        def holds(_: Chrome) -> T:
            return condition()

        wait = WebDriverWait(
            self.browser,
            PATIENCE_SECONDS,
            poll_frequency=0.05,
            ignored_exceptions=[StaleElementReferenceException, AssertionError],
        )
        return wait.until(holds, f"never came true: {what}")

    def becomes(self, read: Callable[[], object], wanted: object) -> None:
        """Wait until something reads as wanted; the message says what it was instead."""
        try:
            self.eventually(lambda: read() == wanted, "it reads as wanted")
        except TimeoutException:
            found = read()
            assert found == wanted, f"it stays {found!r}"
            raise

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element("css selector", selector)

    def all(self, selector: str) -> Sequence[WebElement]:
        return self.browser.find_elements("css selector", selector)

    def text(self, selector: str) -> str:
        """The text of an element, whether or not it is on the screen."""
        found = self.run("return document.querySelector(arguments[0])?.textContent", selector)
        return str(found or "")

    def texts(self, selector: str) -> list[str]:
        """The text of each such element."""
        return list(self.run(_TEXTS, selector))

    def click(self, selector: str) -> None:
        """Click an element after scrolling it clear of the strip, as a person does."""
        element = self.one(selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def shown(self, selector: str) -> bool:
        return self.one(selector).is_displayed()

    def lines(self) -> list[Line]:
        return [Line(*line) for line in self.run(_LINES)]

    def names(self) -> list[str]:
        return [line.name for line in self.lines()]

    def mine(self) -> list[str]:
        return self.texts("#mine-rows .name")

    def heart(self, name: str, within: str = "#board-rows") -> WebElement:
        """The heart of a restaurant, found as a screen reader finds it: by its label."""
        for heart in self.all(f"{within} .heart"):
            if heart.accessible_name == f"Favorite {name}":
                return heart
        raise AssertionError(f"no heart of {name!r} in {within}")

    def marked(self, name: str, within: str = "#board-rows") -> bool:
        return self.heart(name, within).get_attribute("aria-pressed") == "true"

    def tab(self, name: str) -> WebElement:
        (tab,) = (tab for tab in self.all("[role=tab]") if tab.accessible_name == name)
        return tab

    def find(self, text: str) -> None:
        """Type into the field and wait for what is found."""
        field = self.one("#find-text")
        field.clear()
        field.send_keys(text)
        self.eventually(
            lambda: self.shown("#find-panel") and self.all("#find-rows .name"), "something is found"
        )

    def press(self, *keys: str) -> None:
        """Press keys one after another, wherever the focus is."""
        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def tab_to(self, label: str, limit: int = 80) -> None:
        """Press Tab until the control of this accessible name has the focus."""
        for _ in range(limit):
            self.press(Keys.TAB)
            if self.browser.switch_to.active_element.accessible_name == label:
                return
        raise AssertionError(f"no way by Tab to {label!r}")

    def sideways(self) -> int:
        """How many pixels the page is wider than its window."""
        return int(self.run("return document.documentElement.scrollWidth - innerWidth"))

    def complaints(self) -> list[str]:
        """What the console holds: errors, refused requests, violations of the policy."""
        return [
            entry["message"]
            for entry in self.browser.get_log("browser")  # type: ignore[no-untyped-call]
            if entry["level"] != "INFO"
        ]

    def foreign_requests(self) -> list[str]:
        """Addresses elsewhere that the browser asked for since the last look."""
        entries = self.browser.get_log("performance")  # type: ignore[no-untyped-call]
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        asked = [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        home = urlsplit(self.url).netloc
        return [
            url for url in asked if urlsplit(url).scheme != "data" and urlsplit(url).netloc != home
        ]
