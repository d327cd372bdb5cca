"""Keys alone, a screen reader, a small screen, weak contrast: everyone can use the page."""

from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import PHONE, WIDE, prefer
from tests.browser.conftest import OpenWindow
from tests.browser.page import Line, Page
from tests.browser.service import Service

CONTROLS = {
    "button", "checkbox", "combobox", "link", "menuitem", "radio", "searchbox", "slider", "tab",
    "textbox", "ToggleButton", "DisclosureTriangle",
}  # fmt: skip

VIEWS = ["", "#/mine", "#/restaurant/harbor", "#/2026-02-01..2026-02-15", "#/trending/Seafood"]

# Every text that is seen, with its color and what lies behind it, as 8-bit sRGB.
_TEXTS = """
const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
const pixels = (...colors) => {
  canvas.clearRect(0, 0, 1, 1);
  for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const clear = "rgba(0, 0, 0, 0)";
const behind = (element) => {
  const layers = [];
  for (; element; element = element.parentElement) {
    const color = getComputedStyle(element).backgroundColor;
    if (color !== clear) layers.unshift(color);
  }
  return layers;
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const text = walker.currentNode.textContent.trim();
  if (!text || !element.checkVisibility() || element.closest(".unseen, script, template")) continue;
  const style = getComputedStyle(element);
  const color = element.closest("svg") ? style.fill : style.color;
  const layers = behind(element);
  found.push([text, pixels(...layers, color), pixels(...layers)]);
}
return found;
"""


def names_of_controls(page: Page) -> list[tuple[str, str]]:
    """Role and name of every control, from the tree that screen readers get."""
    nodes = page.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]

    def value(node: dict[str, Any], key: str) -> str:
        return str(node.get(key, {}).get("value", ""))

    return [
        (value(node, "role"), value(node, "name"))
        for node in nodes
        if not node.get("ignored") and value(node, "role") in CONTROLS
    ]


def luminance(color: list[int]) -> float:
    """Relative luminance of an sRGB color (WCAG 2)."""
    parts = [part / 255 for part in color]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[int], other: list[int]) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture
def filled(service: Service) -> Service:
    for user in ("ann", "bob", "cy"):
        service.store.mark(user, "harbor")
    service.store.mark("ann", "ladle")
    service.drain()
    return service


@pytest.mark.slow
def test_all_can_be_done_by_keys(filled: Service, open_window: OpenWindow) -> None:
    page = open_window(filled)
    page.press(Keys.TAB)
    page.becomes(lambda: page.one("#find-text") == page.browser.switch_to.active_element, False)
    page.tab_to("All time")
    page.press(Keys.ARROW_RIGHT)
    page.becomes(lambda: page.tab("This month").get_attribute("aria-selected"), "true")
    page.press(Keys.END)
    page.becomes(lambda: page.shown("#dates"), True)
    page.press(Keys.TAB)
    assert page.browser.switch_to.active_element == page.one("#from")
    page.tab("Dates").send_keys(Keys.HOME)
    page.becomes(lambda: page.tab("All time").get_attribute("aria-selected"), "true")
    page.tab_to("Favorite Copper Ladle")
    page.press(Keys.SPACE)
    page.becomes(lambda: page.lines()[1], Line("2", "Copper Ladle", "2"))
    page.press(Keys.ENTER)
    page.becomes(lambda: page.lines()[1], Line("2", "Copper Ladle", "1"))
    page.press(Keys.SHIFT + Keys.TAB)
    opener = page.browser.switch_to.active_element
    page.press(Keys.ENTER)
    page.becomes(lambda: page.browser.switch_to.active_element == page.one("#detail-title"), True)
    page.tab_to("By day")
    page.press(Keys.ARROW_RIGHT)
    page.becomes(lambda: len(page.all("#plot svg g")), 12)
    page.press(Keys.TAB)
    assert page.browser.switch_to.active_element == page.one("#plot input")
    page.browser.back()
    page.becomes(lambda: page.browser.switch_to.active_element == opener, True)


@pytest.mark.slow
def test_a_restaurant_is_added_by_keys(window: Page) -> None:
    window.tab_to("Find or add a restaurant, by name or id")
    window.press("Tea Tram", Keys.ENTER)
    window.eventually(
        lambda: "Tea Tram" in window.browser.switch_to.active_element.text, "it is found"
    )
    window.press(Keys.TAB, Keys.SPACE)
    window.becomes(window.lines, [Line("1", "Tea Tram", "1")])


def test_the_skip_link_leads_past_the_head(filled: Service, open_window: OpenWindow) -> None:
    page = open_window(filled)
    page.press(Keys.TAB)
    assert page.browser.switch_to.active_element.accessible_name == "Skip to the restaurants"
    assert page.browser.switch_to.active_element.is_displayed()
    page.press(Keys.ENTER, Keys.TAB)
    assert page.browser.switch_to.active_element.accessible_name == "All time"


@pytest.mark.slow(but="size0")
@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_every_control_has_a_name(
    filled: Service, open_window: OpenWindow, size: tuple[int, int]
) -> None:
    page = open_window(filled, size=size)
    for fragment in VIEWS:
        page.open(fragment)
        controls = names_of_controls(page)
        assert len(controls) >= 5
        assert [role for role, name in controls if not name.strip()] == []
    page.one("#who").click()
    assert sorted(names_of_controls(page)) == [
        ("button", "Cancel"),
        ("button", "Save"),
        ("textbox", "Your name"),
    ]


def test_the_document_is_sound(filled: Service, open_window: OpenWindow) -> None:
    page = open_window(filled)
    page.open_restaurant("harbor")
    page.becomes(lambda: page.run("return document.documentElement.lang"), "en")
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == 1
    ids = page.run("return [...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    for attribute in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
        for element in page.all(f"[{attribute}]"):
            assert set((element.get_attribute(attribute) or "").split()) <= set(ids)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out(filled: Service, open_window: OpenWindow, scheme: str) -> None:
    page = open_window(filled)
    prefer(page.browser, prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    page.heart("Lemon Harbor").click()
    page.becomes(page.mine, ["Lemon Harbor"])
    page.becomes(lambda: page.lines()[0].favorites, "4")
    seen: dict[str, float] = {}
    for fragment in ("", "#/trending/Seafood", "#/2026-02-01..2026-02-15", "#/restaurant/harbor"):
        page.open(fragment)
        page.becomes(lambda: page.text("#strip"), "live, 0 behind")
        seen |= {text: contrast(color, back) for text, color, back in page.run(_TEXTS)}
    assert len(seen) > 10
    assert {text: ratio for text, ratio in seen.items() if ratio < 4.5} == {}


@pytest.mark.slow(but="mine")
@pytest.mark.parametrize("fragment", VIEWS)
def test_a_small_phone_scrolls_one_way_only(
    filled: Service, open_window: OpenWindow, fragment: str
) -> None:
    page = open_window(filled, fragment, size=PHONE)
    assert page.sideways() <= 0
    page.find("a")
    assert page.sideways() <= 0


@pytest.mark.slow
@pytest.mark.parametrize("fragment", VIEWS)
def test_a_finger_can_hit_every_control(
    filled: Service, open_window: OpenWindow, fragment: str
) -> None:
    page = open_window(filled, fragment, size=PHONE)
    small = [
        (control.accessible_name, control.size)
        for control in page.all("a, button, input, label, summary")
        if control.is_displayed() and control.size["height"] > 1
        if control.size["height"] < 24 or control.size["width"] < 24
    ]
    assert small == []


def test_a_phone_shows_one_view_at_a_time(filled: Service, open_window: OpenWindow) -> None:
    page = open_window(filled, size=PHONE)
    for fragment, view in (
        ("#/mine", "#mine"),
        ("#/restaurant/harbor", "#detail"),
        ("#/", "#board"),
    ):
        page.run("location.hash = arguments[0]", fragment)
        page.becomes(lambda view=view: page.shown(view), True)  # type: ignore[misc]
        assert [one for one in ("#board", "#mine", "#detail") if page.shown(one)] == [view]
