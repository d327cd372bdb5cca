"""The deployed stack counts: the very template, put on ministack by the commands of the
operations page, with tokens of ministack's own issuer."""

import csv
import gzip
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import pytest

from tallies.core.errors import WrongStore
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.rows.keys import PAUSED, reserved_key, row_key
from tallies.stores.dynamodb.stream.mappings import check_windows
from tallies.stores.verified import Drift
from tests.engines.fixtures import in_ci, missing_engine_skips
from tests.engines.ministack import Cloud
from tests.length import at_length

from .members import Member
from .patience import PATIENCE_SECONDS, until
from .stack import ROOT, Stack, deployed

LOG = ROOT.parent / "shared" / "data" / "travel-favorites.csv.gz"
MARKS, EVERY = at_length(3_000, 600), 4
"""So many favorites are marked, and every so-manieth of them is unmarked again."""
ORIGIN = "https://app.example.org"


@pytest.fixture(scope="module")
def stack(cloud: Cloud, package: Path, ann: Member) -> Iterator[Stack]:
    with (
        missing_engine_skips(),
        deployed(
            cloud,
            package,
            "app",
            issuer=ann.issuer,
            audience=ann.audience,
            origins=f"{ORIGIN},http://127.0.0.1:3000",
        ) as running,
    ):
        yield running
    functions = cloud.client("lambda").list_functions()["Functions"]
    tables = cloud.client("dynamodb").list_tables()["TableNames"]
    kept = [name for name in sorted(tables) if name.startswith("app-")]
    assert (functions, kept) == ([], ["app-favorites", "app-tallies"])


@pytest.fixture(scope="module")
def store(cloud: Cloud, stack: Stack) -> Iterator[DynamoFavorites]:
    """The stack's store, as the command line would reach it from here."""
    with DynamoFavorites.from_url(f"{stack.outputs['Store']}&endpoint={cloud.endpoint}") as opened:
        yield opened


@pytest.fixture(scope="module")
def favorites() -> list[tuple[str, str, str]]:
    if not LOG.exists():
        if in_ci():
            pytest.fail(f"{LOG} is missing", pytrace=False)
        pytest.skip(f"{LOG} is missing")
    with gzip.open(LOG, "rt", newline="") as lines:
        rows = csv.DictReader(lines)
        return [
            (row["user_id"], row["restaurant_id"], row["created_at"])
            for row, _ in zip(rows, range(MARKS), strict=False)
        ]


def test_the_deployed_function_counts_what_the_command_line_loads_by_markers(
    cloud: Cloud,
    store: DynamoFavorites,
    favorites: list[tuple[str, str, str]],
    tmp_path: Path,
) -> None:
    """By markers, since ministack has no tumbling windows: its events name no shard."""
    log = tmp_path / "log.csv"
    gone = favorites[::EVERY]
    with log.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(("user_id", "restaurant_id", "created_at", "op"))
        writer.writerows((*row, "mark") for row in favorites)
        writer.writerows((*row, "unmark") for row in gone)
    command = [sys.executable, "-m", "tallies", "load", str(log), "--no-wait"]
    done = subprocess.run(
        [*command, "--store", store.url],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    kept = [row for index, row in enumerate(favorites) if index % EVERY]
    by_group = Counter(restaurant for _, restaurant, _ in kept)
    by_month = Counter(
        restaurant for _, restaurant, created_at in kept if created_at.startswith("2011-07")
    )

    def board(window: str) -> list[tuple[str, Any]]:
        return [(line.group, line.amount) for line in store.leaderboard(window, 100)]

    def leaders(counts: Counter[str]) -> list[tuple[str, Any]]:
        return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:100]

    def counted() -> dict[str, Any]:
        return {group: store.windows_of(group).get("all", 0) for group in by_group}

    # The leaders alone are one request, unlike all the groups.
    until(
        lambda: board("all") == leaders(by_group) and counted() == by_group,
        cloud,
        "the counts did not become those of GROUP BY",
    )
    assert board("all") == leaders(by_group)
    assert board("2011-07") == leaders(by_month)
    assert by_month
    assert store.settings.guard() == "markers"
    verified = store.verify()
    assert verified.drifted == []
    assert verified.checked > len(by_group)


@pytest.mark.slow
def test_a_rebuild_by_markers_pauses_the_function_meanwhile(
    cloud: Cloud, store: DynamoFavorites
) -> None:
    functions, tables = cloud.client("lambda"), cloud.client("dynamodb")

    def states() -> dict[str, str]:
        found = functions.list_event_source_mappings(EventSourceArn=store.stream.arn)
        return {each["UUID"]: each["State"] for each in found["EventSourceMappings"]}

    (mapping,) = states()
    (first,) = store.leaderboard("all", 1)
    tables.update_item(
        TableName=store.names.tallies,
        Key=row_key(first.group, "all"),
        UpdateExpression="ADD favorites :five",
        ExpressionAttributeValues={":five": {"N": "5"}},
    )
    seen: set[tuple[str, str]] = set()
    found = store.rebuild(progress=lambda *_: seen.update(states().items()))
    assert list(found.drifted) == [
        Drift(first.group, "all", first.amount, first.amount + 5, "favorites")
    ]
    assert seen == {(mapping, "Disabled")}
    assert states() == {mapping: "Enabled"}

    # Killed in between, it has left a note, which the next one finds.
    note = {**reserved_key(PAUSED), "mappings": {"SS": [mapping]}}
    tables.put_item(TableName=store.names.tallies, Item=note)
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    assert store.rebuild().drifted == []
    assert states() == {mapping: "Enabled"}
    key = reserved_key(PAUSED)
    assert "Item" not in tables.get_item(TableName=store.names.tallies, Key=key)


@pytest.mark.slow
def test_a_mapping_without_a_tumbling_window_is_named(cloud: Cloud, store: DynamoFavorites) -> None:
    """That is any of ministack's, which keeps no window of those that it is given."""
    functions = cloud.client("lambda")
    found = functions.list_event_source_mappings(EventSourceArn=store.stream.arn)
    (mapping,) = (each["UUID"] for each in found["EventSourceMappings"])
    with pytest.raises(WrongStore, match=f"{mapping} has no tumbling window"):
        check_windows(functions, store.stream.arn)
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    check_windows(functions, store.stream.arn)
    functions.update_event_source_mapping(UUID=mapping, Enabled=True)


@pytest.mark.slow
def test_the_deployed_api_marks_for_who_has_a_token(
    cloud: Cloud, stack: Stack, ann: Member
) -> None:
    api = stack.resources["Gateway"]
    mine = f"/users/{ann.user}/favorites/noodle-bar"

    def tally() -> int:
        status, found = cloud.call_api(api, "GET", "/restaurants/noodle-bar/tally")
        assert status == 200
        counted: int = found["windows"]["all"]
        return counted

    assert cloud.call_api(api, "PUT", mine)[0] == 401
    assert cloud.call_api(api, "PUT", "/users/bob/favorites/noodle-bar", ann.token)[0] == 403
    assert cloud.call_api(api, "PUT", mine, ann.token)[0] == 201
    assert cloud.call_api(api, "PUT", mine, ann.token)[0] == 200
    until(lambda: tally() == 1, cloud, "the mark was not counted")
    status, board = cloud.call_api(api, "GET", "/leaderboards/month?limit=100")
    assert status == 200
    assert "noodle-bar" in [line["restaurant_id"] for line in board["items"]]
    assert cloud.call_api(api, "DELETE", mine, ann.token)[0] == 204
    until(lambda: tally() == 0, cloud, "the unmark was not counted")


def test_the_deployed_api_serves_caches_and_pages_of_other_origins(
    cloud: Cloud, stack: Stack
) -> None:
    api = f"http://127.0.0.1:{cloud.port}/_aws/execute-api/{stack.resources['Gateway']}/$default"
    with httpx.Client(trust_env=False, timeout=60) as client:
        for path in ("/leaderboards/all", "/restaurants/any/tally", "/restaurants/any/history"):
            first = client.get(api + path, headers={"Origin": ORIGIN})
            assert first.status_code == 200
            assert first.headers["access-control-allow-origin"] == ORIGIN
            assert "ETag" in first.headers["access-control-expose-headers"].split(",")
            etag = first.headers["etag"]
            for method in ("GET", "HEAD"):
                again = client.request(method, api + path, headers={"If-None-Match": etag})
                assert (again.status_code, again.content) == (304, b"")
            assert client.head(api + path).headers["etag"] == etag
            assert client.put(api + path).status_code == 405
            other = client.get(api + path, headers={"Origin": "https://app.example.com"})
            assert "access-control-allow-origin" not in other.headers
        wish = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
        granted = client.options(f"{api}/users/ann/favorites/noodles", headers=wish)
        assert granted.status_code == 204
        assert granted.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize(
    "restaurant", ["green curry", "café", "日本", "100%", "a%2Fb", "a+b", "#1"]
)
def test_the_deployed_api_keeps_an_id_as_it_is(
    cloud: Cloud, stack: Stack, ann: Member, restaurant: str
) -> None:
    path = f"/users/{ann.user}/favorites/{quote(restaurant, safe='')}"
    status, made = cloud.call_api(stack.resources["Gateway"], "PUT", path, ann.token)
    assert (status, made["restaurant_id"]) == (201, restaurant)


@pytest.mark.slow
def test_the_deployed_api_refuses_a_slash_in_an_id(cloud: Cloud, stack: Stack, ann: Member) -> None:
    """The gateway has decoded it, so nobody can tell it from one that parts the path."""
    path = f"/users/{ann.user}/favorites/a%2Fb"
    assert cloud.call_api(stack.resources["Gateway"], "PUT", path, ann.token)[0] == 404
