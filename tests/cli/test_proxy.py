"""The service behind a real nginx, as docs/operations.md has it; and whom it believes."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.command import tallies
from tests.cli.test_services import running, until_equal
from tests.engines.fixtures import StartNginx
from tests.web import WEB

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
STRIPPING = """
location /eat/ {
  proxy_pass http://127.0.0.1:8000/;
  proxy_set_header Host $http_host;
}
"""


def documented(language: str) -> str:
    """The block of the page in this language that is about proxies."""
    section = PAGE.read_text().split("behind a reverse proxy\n")[1].split("\n## ")[0]
    (block,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(block)


class Proxied(NamedTuple):
    direct: str
    public: str


@contextmanager
def proxied(tmp_path: Path, start_nginx: StartNginx, locations: str) -> Iterator[Proxied]:
    (_, *arguments) = documented("sh").split()
    with running(*arguments, "--store", f"sqlite:///{tmp_path}/s.db") as service:
        port = service.url.rpartition(":")[2]
        root = start_nginx(locations.replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
        yield Proxied(service.url, f"{root}/eat")


@pytest.fixture
def site(tmp_path: Path, start_nginx: StartNginx) -> Iterator[Proxied]:
    with proxied(tmp_path, start_nginx, documented("nginx")) as made:
        yield made


def test_the_service_lives_under_a_path(site: Proxied) -> None:
    for id_ in ("noodles", "a%2Fb", "%25", "%E2%9C%93", "a%3Fb"):
        one = f"{site.public}/users/ann/favorites/{id_}"
        assert WEB.put(one).status_code == 201
        assert WEB.get(one).json() == WEB.get(f"{site.public}/users/ann/favorites/{id_}").json()
    assert WEB.put(f"{site.public}/users/ann/favorites/").status_code == 400  # an empty id
    ids = [
        item["restaurant_id"]
        for item in WEB.get(f"{site.public}/users/ann/favorites").json()["items"]
    ]
    assert sorted(ids) == sorted(["noodles", "a/b", "%", "✓", "a?b"])
    until_equal(
        f"{site.public}/restaurants/a%2Fb/history?by=month&from=2020-01&to=2020-01",
        {"points": [{"window": "2020-01", "favorites": 0}]},
    )
    for path in ("/", "/static/main.js"):
        assert WEB.get(site.public + path).status_code == 200
    described = WEB.get(f"{site.public}/openapi.json").json()
    assert [server["url"] for server in described["servers"]] == ["/eat"]


def test_validators_pass_the_proxy(site: Proxied) -> None:
    board = f"{site.public}/leaderboards/all"
    first = WEB.get(board)
    again = WEB.get(board, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = WEB.head(board)
    assert (head.status_code, head.headers["etag"]) == (200, first.headers["etag"])
    assert WEB.options(board).headers["allow"] == "GET, HEAD, POST, OPTIONS"


@pytest.mark.slow
def test_live_events_are_not_held_back(site: Proxied) -> None:
    with WEB.stream("GET", f"{site.public}/leaderboards/all/live") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        boards = (
            json.loads(line.removeprefix("data: "))
            for line in stream.iter_lines()
            if line.startswith("data: ") and "items" in line
        )
        assert next(boards)["items"] == []
        WEB.put(f"{site.public}/users/ann/favorites/noodles")
        assert next(boards)["items"] == [{"rank": 1, "restaurant_id": "noodles", "favorites": 1}]


@pytest.mark.slow
def test_a_head_of_live_events_ends(site: Proxied) -> None:
    for url in site:
        head = WEB.head(f"{url}/leaderboards/all/live")
        assert (head.status_code, head.content) == (200, b"")


def test_without_its_slash_the_path_leads_to_the_page(site: Proxied) -> None:
    for url in (site.public, f"{site.direct}/eat"):
        assert WEB.get(url, follow_redirects=True).text.startswith("<!doctype html>")


@pytest.mark.slow
def test_a_proxy_may_take_the_path_off(tmp_path: Path, start_nginx: StartNginx) -> None:
    with proxied(tmp_path, start_nginx, STRIPPING) as site:
        assert WEB.put(f"{site.public}/users/ann/favorites/%E2%9C%93").status_code == 201
        assert WEB.get(f"{site.public}/restaurants/%E2%9C%93/tally").status_code == 200
        assert WEB.get(f"{site.public}/").text.startswith("<!doctype html>")


@pytest.mark.slow
def test_only_a_named_proxy_says_where_a_request_came_from(tmp_path: Path) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "Host": "eat.example.org"}
    for proxies, scheme in [
        ([], "http"),
        (["--trusted-proxy", "192.0.2.1"], "http"),
        (["--trusted-proxy", "192.0.2.1", "--trusted-proxy", "127.0.0.0/8"], "https"),
    ]:
        arguments = ["serve", *proxies, "--store", f"sqlite:///{tmp_path}/s.db"]
        with running(*arguments, FORWARDED_ALLOW_IPS="*") as service:
            sent_on = WEB.get(f"{service.url}/health/", headers=forwarded)
            assert sent_on.headers["location"] == f"{scheme}://eat.example.org/health"


def test_origins(tmp_path: Path) -> None:
    ours, theirs = "https://app.example.org", "https://app.example.com"
    arguments = ["--cors-origin", ours, "--cors-origin", "http://127.0.0.1:3000"]
    with running("serve", *arguments, "--store", f"sqlite:///{tmp_path}/s.db") as service:
        board = f"{service.url}/leaderboards/all"
        for origin in (ours, "http://127.0.0.1:3000"):
            answer = WEB.get(board, headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
            assert "ETag" in answer.headers["access-control-expose-headers"].split(", ")
            etag = answer.headers["etag"]
            again = WEB.get(board, headers={"Origin": origin, "If-None-Match": etag})
            assert again.status_code == 304
            assert again.headers["access-control-allow-origin"] == origin
            refused = WEB.get(f"{service.url}/leaderboards/x", headers={"Origin": origin})
            assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (
                400,
                origin,
            )
        for headers in ({"Origin": theirs}, {"Origin": f"{ours}.example.net"}, {}):
            answer = WEB.get(board, headers=headers)
            assert answer.status_code == 200
            assert "access-control-allow-origin" not in answer.headers
            # Or a cache would give this answer to a page of an origin that may read it.
            assert "Origin" in answer.headers["vary"]
        wish = {"Access-Control-Request-Method": "PUT"} | {
            "Access-Control-Request-Headers": "authorization,if-none-match,content-type"
        }
        one = f"{service.url}/users/ann/favorites/noodles"
        granted = WEB.options(one, headers={"Origin": ours, **wish})
        assert granted.status_code == 200
        assert granted.headers["access-control-allow-origin"] == ours
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            assert method in granted.headers["access-control-allow-methods"].split(", ")
        denied = WEB.options(one, headers={"Origin": theirs, **wish})
        assert "access-control-allow-origin" not in denied.headers
        assert WEB.options(one).headers["allow"] == "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"


def test_no_origin_is_allowed_unless_it_is_named(tmp_path: Path) -> None:
    with running("serve", "--store", f"sqlite:///{tmp_path}/s.db") as service:
        answer = WEB.get(f"{service.url}/leaderboards/all", headers={"Origin": service.url})
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cors-origin", "*"], "is no origin; give one"),
        (["--cors-origin", "null"], "is no origin; give one"),
        (["--cors-origin", "app.example.org"], "is no origin; give one"),
        (["--cors-origin", "https://[::1"], "is no origin; give one"),
        (["--cors-origin", "https://x:99999"], "is no origin; give one"),
        (["--cors-origin", "https://bücher.example"], "is no origin; give one"),
        (["--cors-origin", "https://x.org/"], "browsers send https://x.org from there"),
        (["--cors-origin", "https://x.org/a?b"], "browsers send https://x.org from there"),
        (["--cors-origin", "https://X.org:443"], "browsers send https://x.org from there"),
        (["--cors-origin", "https://me@x.org:1"], "browsers send https://x.org:1 from there"),
        (["--root-path", "eat"], "begins with a slash"),
        (["--root-path", "/eat/"], "does not end in"),
        (["--root-path", "/"], "begins with a slash and does not end in one"),
        (["--root-path", "/a/../b"], "is no root path"),
        (["--root-path", "/a b"], "is no root path"),
        (["--trusted-proxy", "nginx"], "is no address of a proxy"),
        (["--trusted-proxy", "*"], "is no address of a proxy"),
        (["--trusted-proxy", "10.0.0.7/24"], "is no address of a proxy"),
    ],
)
def test_options_that_are_wrong(tmp_path: Path, arguments: list[str], words: str) -> None:
    ran = tallies("serve", *arguments, store=f"sqlite:///{tmp_path}/s.db")
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "s.db").exists()
