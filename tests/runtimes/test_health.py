"""/health of a worker: whoever starts another in its place asks it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tallies.core.errors import StoreUnavailable
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.runtimes.exposition import SILENT_SECONDS, Health
from tallies.runtimes.worker import Worker, metrics
from tallies.runtimes.worker.metrics import health_of
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tests.cli.command import environment, tallies
from tests.engines import DynamoDBAccount
from tests.runtimes.worker.conftest import BEAT_SECONDS, DEAD_SECONDS, running
from tests.waiting import until
from tests.web import WEB


@contextmanager
def worker_of(store_url: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A `tallies worker`, and where its metrics and health are."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "tallies", "worker", "--metrics-port", "0", *options],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(TALLIES_STORE=store_url),
    )
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        assert said.startswith("Metrics at http://"), said + process.stderr.read()
        yield process, said.split()[2].removesuffix("/metrics")
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_on_sqlite(tmp_path: Path) -> None:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        with worker_of(store.url) as (process, url):
            store.mark("ann", "noodles")
            until(lambda: store.tally("noodles", ["all"]) == {"all": 1})
            until(
                lambda: (
                    WEB.get(f"{url}/health").json()
                    == {"status": "ok", "lag_records": 0, "lag_seconds": 0.0}
                )
            )
            answer = WEB.get(f"{url}/health")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
            # It counts what it did after that is done.
            until(lambda: "tallies_records_applied_total 1.0" in WEB.get(f"{url}/metrics").text)
            assert "tallies_write_ahead_log_held 0.0" in WEB.get(f"{url}/metrics").text
            # A file that was moved away takes nothing any more.
            store.path.rename(tmp_path / "aside.db")
            until(lambda: WEB.get(f"{url}/health").status_code == 503)
            found = WEB.get(f"{url}/health").json()
            assert found["status"] == "failing"
            assert "moved away" in found["troubles"][0]
            (tmp_path / "aside.db").rename(store.path)
            until(lambda: WEB.get(f"{url}/health").status_code == 200)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0


def test_on_dynamodb(aws_environment: DynamoDBAccount) -> None:
    with DynamoFavorites.from_url(aws_environment.store_url("app")) as store:
        store.init()
        with worker_of(store.url) as (process, url):
            until(lambda: WEB.get(f"{url}/health").json()["shards_held"] == 1)
            assert WEB.get(f"{url}/health").json() == {
                "status": "ok",
                "shards_held": 1,
                "shards_in_trouble": 0,
            }
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("address", "url"), [("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:")]
)
def test_on_another_address(tmp_path: Path, address: str, url: str) -> None:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        with worker_of(store.url, "--metrics-host", address) as (_, said):
            port = said.rpartition(":")[2]
            assert WEB.get(f"{url}{port}/health").status_code == 200


@pytest.mark.parametrize("address", ["192.0.2.1", "no address"])
def test_an_address_of_no_use(tmp_path: Path, address: str) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    assert tallies("init", store=store).code == 0
    ran = tallies("worker", "--metrics-port", "0", "--metrics-host", address, store=store)
    assert ran.code == 2
    assert address in ran.err
    assert "--metrics-host" in ran.err
    assert ran.err.count("\n") == 1


def test_silence_is_the_answer_503_and_trouble_is_not() -> None:
    well = Health(SILENT_SECONDS - 0.1, {}, ("Rebuild.",)).answer()
    assert well == (200, {"status": "ok", "troubles": ["Rebuild."]})
    status, body = Health(SILENT_SECONDS, {}, ("Rebuild.",)).answer()
    assert (status, body["status"]) == (503, "silent")
    assert body["troubles"] == [
        "The worker could do nothing for 60 s; its log says why.",
        "Rebuild.",
    ]


def test_a_worker_that_cannot_beat_falls_silent_and_comes_back(
    aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(_: str) -> None:
        raise StoreUnavailable("The table is out of reach.")

    with DynamoFavorites.from_url(aws_environment.store_url("app")) as store:
        store.init()
        worker = Worker(store, beat_seconds=BEAT_SECONDS, dead_seconds=DEAD_SECONDS)
        with running(worker):
            until(lambda: worker.shards)
            with monkeypatch.context() as patched:
                patched.setattr(store.leases, "beat", cut_off)
                until(lambda: worker.silent_seconds > 10 * BEAT_SECONDS)
            until(lambda: worker.silent_seconds < 2 * BEAT_SECONDS)


def test_a_shard_that_makes_no_progress_is_named(
    aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise StoreUnavailable("The tables are out of reach.")

    monkeypatch.setattr(metrics, "SILENT_SECONDS", 0.2)
    with DynamoFavorites.from_url(aws_environment.store_url("app")) as store:
        store.init()
        worker = Worker(store)
        with running(worker):
            until(lambda: worker.shards)
            assert health_of(worker).troubles == ()
            with monkeypatch.context() as broken:
                broken.setattr(GuardedApply, "apply_shard", fails)
                store.mark("ann", "noodles")
                until(lambda: health_of(worker).troubles)
                (trouble,) = health_of(worker).troubles
                assert trouble == f"Shard {worker.shards[0]} waits: The tables are out of reach."
            until(lambda: store.tally("noodles", ["all"]) == {"all": 1})
            until(lambda: not health_of(worker).troubles)


def test_a_long_time_to_take_over_is_patience(aws_environment: DynamoDBAccount) -> None:
    with DynamoFavorites.from_url(aws_environment.store_url("app")) as store:
        store.init()
        worker = Worker(store, beat_seconds=170, dead_seconds=600)
        assert health_of(worker).patience_seconds > 2 * 170
        worker.troubled = 1
        assert "tallies rebuild" in health_of(worker).answer()[1]["troubles"][0]
        assert health_of(worker).answer()[0] == 200


@pytest.mark.slow
def test_a_loop_that_cannot_work_falls_silent(tmp_path: Path) -> None:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        with EmbeddedLoop(store) as loop, EmbeddedLoop(store) as standing_by:
            store.mark("ann", "noodles")
            until(lambda: store.tally("noodles", ["all"]) == {"all": 1})
            store.path.rename(tmp_path / "aside.db")
            until(lambda: min(loop.silent_seconds, standing_by.silent_seconds) > 2)
            (tmp_path / "aside.db").rename(store.path)
            until(lambda: max(loop.silent_seconds, standing_by.silent_seconds) < 1)
