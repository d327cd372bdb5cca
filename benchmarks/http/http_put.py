"""What the service adds to a request: PUT of a favorite, beside a route that does nothing."""

from collections.abc import Iterator
from itertools import count

from benchmarks.harness.http_client import Client
from benchmarks.harness.measure import one_by_one
from benchmarks.harness.processes import server
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import user, zipf_restaurants

NOTHING = "/nothing"


def run(run: Run) -> Iterator[Result]:
    """One client, one connection; the two requests take turns, one by one."""
    requests, rounds = run.pick(1_000, 400), run.pick(7, 3)
    restaurants = zipf_restaurants(requests * (rounds + 1))
    numbers = count()
    with server(["-m", "benchmarks.http.http_server", str(run.folder / "http.db")]) as address:
        client = Client(address)

        def favorite() -> None:
            path = f"/users/{user(next(numbers))}/favorites/{next(restaurants)}"
            client.request("PUT", path, 201)

        def nothing() -> None:
            client.request("PUT", NOTHING, 204)

        pairs = one_by_one(rounds, requests, favorite, nothing, (0.5, 0.99))
    bounds = (Bound("<=", 1.0, of="difference"), None)
    for name, found, bound in zip(("p50", "p99"), pairs, bounds, strict=True):
        yield Result(
            what=f"PUT of a favorite through HTTP, {name}",
            unit="ms",
            ours=found.ours * 1e3,
            peer_name="route that does nothing",
            peer=found.peer * 1e3,
            ratio=found.ratio,
            bound=bound,
        )
