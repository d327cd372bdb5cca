"""What the worker is run by: the unit for systemd; the task definition and its role in the docs."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import click
import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from tallies.cli.commands.worker import worker
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.catch_up import catch_up_alone
from tallies.runtimes.worker import Worker, consumer
from tallies.stores.layout import LayoutWish
from tests.engines import DynamoDBAccount
from tests.layouts import OLDER
from tests.runtimes.test_health import worker_of
from tests.runtimes.worker.conftest import BEAT_SECONDS, DEAD_SECONDS, running, until_counted
from tests.waiting import until

from .test_policies import PREFIX, Calls, _declare_anew, _recorded

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy" / "tallies.service"
PAGE = (ROOT / "docs" / "operations.md").read_text()
TRACES_SECONDS = 10
"""How long spans that no collector takes are tried at the end: the exporter's own limit."""


def blocks(language: str) -> list[str]:
    """The examples in the docs."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def documents() -> list[dict[str, Any]]:
    return [json.loads(block) for block in blocks("json")]


def task() -> dict[str, Any]:
    (found,) = (each for each in documents() if "containerDefinitions" in each)
    return found


def container() -> dict[str, Any]:
    (found,) = task()["containerDefinitions"]
    assert isinstance(found, dict)
    return found


def options_of(arguments: list[str]) -> dict[str, Any]:
    """What the command makes of its arguments."""
    assert arguments[0] == "worker"
    with worker.make_context("worker", arguments[1:], parent=click.Context(click.Group())) as made:
        return made.params


def unit() -> RawConfigParser:
    parser = RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign] # names are as they are
    parser.read_string(UNIT.read_text())
    return parser


def test_the_unit_starts_the_command_and_lets_it_end() -> None:
    service = unit()["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert Path(program).name == "tallies"
    assert options_of(arguments)["metrics_port"] == 9464
    assert int(service["TimeoutStopSec"]) > consumer.BATCH_SECONDS + TRACES_SECONDS
    assert "KillSignal" not in service  # SIGTERM
    assert unit()["Install"]["WantedBy"] == "multi-user.target"


def test_what_the_docs_say_of_the_unit() -> None:
    service = unit()["Service"]
    assert service["EnvironmentFile"] in PAGE
    assert f"{Path(service['ExecStart'].split()[0]).parent}/pip install" in PAGE
    for block in blocks("ini"):
        RawConfigParser(strict=True).read_string(block)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
@pytest.mark.parametrize("drop_in", [None, *blocks("ini")])
def test_systemd_takes_the_unit(tmp_path: Path, drop_in: str | None) -> None:
    # It also looks whether the program is there.
    text = UNIT.read_text().replace("/opt/tallies/bin", str(Path(sys.executable).parent))
    file = tmp_path / UNIT.name
    file.write_text(text)
    if drop_in is not None:
        (tmp_path / f"{UNIT.name}.d").mkdir()
        (tmp_path / f"{UNIT.name}.d" / "override.conf").write_text(drop_in)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)], capture_output=True, text=True
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_the_task_definition_is_one() -> None:
    model = Session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    assert shape is not None
    report = ParamValidator().validate(task(), shape)
    assert not report.has_errors(), report.generate_report()
    limit = container()["stopTimeout"]
    assert consumer.BATCH_SECONDS + TRACES_SECONDS < limit <= 120  # Fargate's own limit


def test_the_task_runs_the_worker_and_its_health_check_asks_it(tmp_path: Path) -> None:
    arguments = container()["command"]
    port = options_of(arguments)["metrics_port"]
    assert options_of(["worker", "--once"])["once"]
    check = container()["healthCheck"]
    kind, python, *script = check["command"]
    assert (kind, python) == ("CMD", "python")

    def exit_code(port_now: str) -> int:
        command = [each.replace(f":{port}/", f":{port_now}/") for each in script]
        assert command != script
        return subprocess.run(
            [sys.executable, *command], stderr=subprocess.DEVNULL, timeout=check["timeout"]
        ).returncode

    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        with worker_of(store.url) as (process, url):
            port_now = url.rpartition(":")[2]
            assert exit_code(port_now) == 0
            store.path.rename(tmp_path / "aside.db")
            until(lambda: exit_code(port_now) == 1)
            (tmp_path / "aside.db").rename(store.path)
            process.terminate()
            assert process.wait(timeout=container()["stopTimeout"]) == 0
        assert exit_code(port_now) == 1


def test_the_image_runs_the_command_without_a_shell() -> None:
    (image,) = blocks("dockerfile")
    assert re.findall(r"^ENTRYPOINT (.*)$", image, re.MULTILINE) == ['["tallies"]']
    assert "curl" not in container()["healthCheck"]["command"]


@pytest.mark.slow
def test_the_role_may_do_what_a_worker_does_and_no_more(
    aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    make = Session.create_client

    def listening(session: Session, service_name: str, *args: Any, **options: Any) -> Any:
        client = make(session, service_name, *args, **options)
        if service_name == "dynamodbstreams":
            client.meta.events.register(
                "provide-client-params.dynamodb-streams",
                lambda model, **_: asked.add(f"dynamodb:{model.name}"),
            )
        return client

    monkeypatch.setattr(Session, "create_client", listening)
    url = aws_environment.store_url(PREFIX)
    with DynamoFavorites.from_url(url + OLDER) as older:
        older.init()
    with DynamoFavorites.from_url(url) as store:
        calls = _calls_of_work(url, store, aws_environment, monkeypatch)
        _declare_anew(store)
        calls |= _calls_of_work(url, store, aws_environment, monkeypatch)
        store.rebuild(layout=LayoutWish(guard="rows"))
        calls |= _calls_of_work(url, store, aws_environment, monkeypatch)
    # What is asked of the tables, in the words of the policy.
    tables = {
        "Favorites.Arn": "app-favorites",
        "Tallies.Arn": "app-tallies",
        "Tallies.Arn-*": "app-tallies-*",
    }
    needed = {(action, tables.get(resource, resource)) for action, resource in calls}
    needed |= {(action, "app-favorites/stream/*") for action in asked}
    (policy,) = (each for each in documents() if "Statement" in each)
    granted = {
        (action, statement["Resource"].rpartition("table/")[2])
        for statement in policy["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }
    # A new store has its rows in the first table, and looks at those that others have moved.
    needed.add(("dynamodb:BatchGetItem", "app-tallies"))
    assert needed == granted


def _calls_of_work(
    url: str, writer: DynamoFavorites, account: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch
) -> Calls:
    """Whatever a worker asks of the tables, and `--once`."""
    before = int(writer.tally("noodles", ["all"])["all"])
    writer.mark(f"ann-{before}", "noodles")
    account.dynamodb().put_item(
        TableName=writer.names.source, Item={"pk": {"S": f"to be parked-{before}"}}
    )
    with (
        _recorded(monkeypatch) as calls,
        DynamoFavorites.from_url(url) as store,
        running(Worker(store, beat_seconds=BEAT_SECONDS, dead_seconds=DEAD_SECONDS)),
    ):
        until_counted(writer, {"noodles": before + 1})
    writer.mark(f"bob-{before}", "noodles")
    with _recorded(monkeypatch) as more, DynamoFavorites.from_url(url) as store:
        for _ in catch_up_alone(store):
            pass
    assert writer.tally("noodles", ["all"]) == {"all": before + 2}
    return calls | more
