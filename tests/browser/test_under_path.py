"""The page behind a proxy, under a path of a larger site."""

from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import prefer
from tests.browser.conftest import NAMES, OpenWindow
from tests.browser.service import Service, running
from tests.engines.fixtures import StartNginx


@pytest.mark.slow
def test_everything_that_the_page_asks_for_is_under_its_path(
    tmp_path: Path, browsers: list[Chrome], open_window: OpenWindow, start_nginx: StartNginx
) -> None:
    with running(Service(tmp_path, names=NAMES, root_path="/eat")) as service:
        service.store.mark("ann", "harbor")
        service.store.mark("bob", "harbor")
        service.store.mark("ann", "ladle")
        service.drain()
        # All that is outside of the path is the proxy's own 404, which a console would show.
        root = start_nginx(f"location /eat/ {{ proxy_pass {service.url.rstrip('/')}; }}")
        service.behind(f"{root}/eat/")
        page = open_window(service)
        prefer(page.browser, prefers_reduced_motion="reduce")  # no heart is pressed on its way
        page.becomes(lambda: page.names(), ["Lemon Harbor", "Copper Ladle"])
        for user in ("bob", "cy"):
            service.store.mark(user, "ladle")
        page.becomes(page.names, ["Copper Ladle", "Lemon Harbor"])  # live events come through
        page.heart("Lemon Harbor").click()
        page.becomes(page.mine, ["Lemon Harbor"])
        page.reload()
        page.becomes(lambda: page.marked("Lemon Harbor"), True)
        page.open_restaurant("harbor")
        page.becomes(lambda: page.one("#tally-all").text, "3")
        page.leave()  # before the service does
