"""The dashboard asks for what is exposed, all of it and nothing else."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx2 as httpx
import promql_parser as promql
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from tallies.favorites.http import FavoritesInstruments, NoAuth, create_app
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tests.cli.command import tallies
from tests.engines import DynamoDBAccount
from tests.runtimes.worker.processes import worker_process
from tests.waiting import until

FILE = Path(__file__).resolve().parents[2] / "deploy" / "grafana.json"
OF_PROMETHEUS = {"job", "instance"}
"""Labels that it adds to whatever it reads."""
COLUMNS = 24

Labels = Mapping[str, frozenset[str]]
"""The name of each sample, and its labels."""


def read(text: str) -> tuple[dict[str, frozenset[str]], dict[str, set[str]]]:
    """The samples of an exposition, and the metrics that they belong to."""
    samples: dict[str, frozenset[str]] = {}
    metrics: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.endswith("_created"):  # when counting began; not a figure of its own
                continue
            samples[sample.name] = frozenset(sample.labels)
            metrics.setdefault(family.name, set()).add(sample.name)
    return samples, metrics


def of_serve(folder: Path) -> str:
    instruments = FavoritesInstruments()
    with SqliteFavorites(folder / "s.db") as store:
        store.init()
        loop = EmbeddedLoop(store, instruments.applied)
        app = create_app(store, auth=NoAuth(), instruments=instruments, background=loop)
        with TestClient(app) as client:
            client.put("/users/ann/favorites/noodles")
            client.delete("/users/ann/favorites/noodles")
            (kept,) = client.get("/tallies").json()["items"]
            client.get(f"/tallies/{kept['name']}/tally?group=noodles").raise_for_status()
            return client.get("/metrics").text


def of_worker(endpoint: str) -> str:
    account = DynamoDBAccount(endpoint, "dashboard")
    with pytest.MonkeyPatch.context() as patched:
        for name, value in account.env.items():
            patched.setenv(name, value)
        found = _of_worker(account.store_url("app"))
    account.wipe()
    return found


def _of_worker(url: str) -> str:
    with DynamoFavorites.from_url(url) as store:
        store.init()
        with worker_process(store.url) as worker:
            store.mark("ann", "noodles")
            until(lambda: "records_applied_total 1.0" in httpx.get(worker.metrics_url).text)
            return httpx.get(worker.metrics_url).text


def of_verify(folder: Path) -> str:
    file = folder / "verify.prom"
    ran = tallies("verify", "--metrics", str(file), store=f"sqlite:///{folder}/s.db")
    assert ran.code == 0, ran.err
    return file.read_text()


@pytest.fixture(scope="module")
def expositions(tmp_path_factory: pytest.TempPathFactory, dynamodb_endpoint: str) -> str:
    folder = tmp_path_factory.mktemp("exposed")
    return "\n".join([of_serve(folder), of_worker(dynamodb_endpoint), of_verify(folder)])


@pytest.fixture(scope="module")
def samples(expositions: str) -> Labels:
    return read(expositions)[0]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str, str]]:
    """Title of the panel, query, legend."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


def parsed(query: str) -> promql.Expr:
    """A query as Prometheus gets it; Grafana puts in its variables as text."""
    found: promql.Expr = promql.parse(query.replace("$__rate_interval", "5m"))
    return found


def nodes(query: str, kind: type) -> list[Any]:
    found: list[Any] = []

    def visit(node: object) -> bool:
        if isinstance(node, kind):
            found.append(node)
        return True

    promql.walk(parsed(query), visit)
    return found


def names(query: str) -> set[str]:
    """The samples that it asks for."""
    return {selector.name for selector in nodes(query, promql.VectorSelector)}


def test_every_name_in_it_is_exposed_with_the_labels_it_asks_for(samples: Labels) -> None:
    for title, query, _ in queries():
        selectors = nodes(query, promql.VectorSelector)
        assert selectors, title
        for selector in selectors:
            assert selector.name in samples, f"{title}: {selector.name} is not exposed"
            asked = {matcher.name for matcher in selector.matchers.matchers}
            assert asked <= samples[selector.name] | OF_PROMETHEUS, f"{title}: {query}"


def test_every_metric_is_shown(expositions: str) -> None:
    shown = {name for _, query, _ in queries() for name in names(query)}
    missing = [name for name, of_it in read(expositions)[1].items() if not of_it & shown]
    assert missing == []


def test_groups_and_legends_are_of_labels_that_are_there(samples: Labels) -> None:
    for title, query, legend in queries():
        there = OF_PROMETHEUS.union(*(samples[name] for name in names(query)))
        aggregates = nodes(query, promql.AggregateExpr)
        for aggregate in aggregates:
            if aggregate.modifier is not None:
                there_after = set(aggregate.modifier.labels)
                assert there_after <= there, f"{title}: {query}"
        named = set(re.findall(r"\{\{(\w+)\}\}", legend))
        kept = [set(each.modifier.labels) for each in aggregates if each.modifier is not None]
        assert named <= (set.union(*kept) if kept else there), f"{title}: {legend}"
        # Lines that are told apart by nothing would lie over each other, or be one.
        if not aggregates:
            assert named, f"{title}: {legend}"


def test_variables_are_those_that_queries_use(samples: Labels) -> None:
    variables = {each["name"]: each for each in dashboard()["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard()))) - {"__rate_interval", "__all"}
    assert used == set(variables)
    for name, variable in variables.items():
        if variable["type"] == "query":
            query = variable["query"]["query"]
            found = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", query)
            assert found, query
            assert found[2] == name
            assert found[2] in samples[found[1]] | OF_PROMETHEUS


def test_panels_are_told_apart_explained_and_do_not_overlap() -> None:
    every = dashboard()["panels"]
    assert max(Counter(panel["id"] for panel in every).values()) == 1
    assert max(Counter(panel["title"] for panel in every).values()) == 1
    for panel in panels():
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs))
    for one, other in combinations([panel["gridPos"] for panel in every], 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        ), (one, other)
        assert one["x"] + one["w"] <= COLUMNS


@pytest.mark.parametrize("query", ["sum(rate(x[5m])", "rate(x)", "sum by le (x)"])
def test_a_query_that_is_none_would_be_found(query: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parsed(query)
