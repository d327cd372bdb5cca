"""Each engine starts, does its one job and ends; tests above it may then blame themselves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.dynamodb import DynamoDBAccount, dynamodb_local
from tests.engines.errors import (
    EngineError,
    EngineMissingError,
    FunctionError,
    FunctionTimeoutError,
)
from tests.engines.fetched import archives
from tests.engines.fixtures import StartLambda, missing_engine_skips
from tests.engines.lambda_rie import lambda_runtime
from tests.engines.process import is_listening

HANDLER = "tests.engines.sample_handler:handler"


def test_a_put_comes_out_of_the_stream(dynamodb_account: DynamoDBAccount) -> None:
    dynamodb, streams = dynamodb_account.dynamodb(), dynamodb_account.streams()
    made = dynamodb.create_table(
        TableName="source",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    dynamodb.put_item(TableName="source", Item={"pk": {"S": "a"}})

    stream = made["TableDescription"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    (record,) = streams.get_records(ShardIterator=iterator)["Records"]
    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["NewImage"] == {"pk": {"S": "a"}}


def test_accounts_do_not_see_each_other(dynamodb_endpoint: str) -> None:
    mine = DynamoDBAccount(dynamodb_endpoint, "mine").dynamodb()
    mine.create_table(
        TableName="private",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    theirs = DynamoDBAccount(dynamodb_endpoint, "theirs").dynamodb()
    elsewhere = DynamoDBAccount(dynamodb_endpoint, "mine", region="eu-west-1").dynamodb()
    assert mine.list_tables()["TableNames"] == ["private"]
    assert theirs.list_tables()["TableNames"] == []
    assert elsewhere.list_tables()["TableNames"] == []


def test_a_wiped_account_has_no_tables(dynamodb_account: DynamoDBAccount) -> None:
    dynamodb = dynamodb_account.dynamodb()
    dynamodb.create_table(
        TableName="protected",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    dynamodb_account.wipe()
    assert dynamodb.list_tables()["TableNames"] == []


def test_a_taken_port_is_refused_not_shared(dynamodb_endpoint: str) -> None:
    port = int(dynamodb_endpoint.rpartition(":")[2])
    with pytest.raises(EngineError, match="is taken"), dynamodb_local(port):
        pass


def test_the_engine_dies_with_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from tests.engines import dynamodb_local\n"
        "with dynamodb_local() as endpoint:\n"
        "    print(endpoint, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with missing_engine_skips():
        archives.ensure(archives.DYNAMODB_LOCAL)
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=archives.REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # a killed parent cannot clear its log away
    ) as parent:
        assert parent.stdout is not None
        endpoint = parent.stdout.readline().strip()
        port = int(endpoint.rpartition(":")[2])
        assert is_listening(port)
        parent.send_signal(signal.SIGKILL)
    _eventually_ends(lambda: is_listening(port))


def test_a_warm_function_is_invoked_again(
    start_lambda: StartLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLIES_TEST_LEAK", "the developer's own")
    invoke = start_lambda(HANDLER, {"GREETING": "hello"}, function_timeout_seconds=7)
    first, second = invoke({"n": 1}), invoke({"n": 2})
    assert (first["echo"], second["echo"]) == ({"n": 1}, {"n": 2})
    assert first["process"] == second["process"]
    assert 0 < second["remaining_milliseconds"] <= 7_000
    assert (first["greeting"], first["leaked"]) == ("hello", None)
    invoke.wait_for_log("saw {'n': 2}")
    assert len(invoke.init_milliseconds) == 1
    assert len(invoke.invoke_milliseconds) == 2


def test_what_a_handler_raises_is_raised_here(start_lambda: StartLambda) -> None:
    invoke = start_lambda(HANDLER)
    with pytest.raises(FunctionError, match="ValueError: out of cheese") as caught:
        invoke({"raise": "out of cheese"})
    assert caught.value.stack_trace
    assert invoke({})["echo"] == {}


def test_a_crash_and_a_timeout_end_the_process_and_a_new_one_serves(
    start_lambda: StartLambda,
) -> None:
    invoke = start_lambda(HANDLER, function_timeout_seconds=1)
    before = invoke({})["process"]
    with pytest.raises(FunctionError, match=r"Runtime\.ExitError"):
        invoke({"exit": 3})
    with pytest.raises(FunctionTimeoutError, match="timed out after 1"):
        invoke({"sleep_seconds": 30})
    after = invoke({})["process"]
    assert before != after
    assert not _alive(before)


def test_two_functions_run_side_by_side_and_leave_nothing(start_lambda: StartLambda) -> None:
    one, other = start_lambda(HANDLER), start_lambda(HANDLER)
    assert one({})["process"] != other({})["process"]


def test_no_runtime_outlives_its_function() -> None:
    with missing_engine_skips(), lambda_runtime(HANDLER) as invoke:
        process = invoke({})["process"]
        assert _alive(process)
    assert not _alive(process)


def test_a_missing_tool_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLIES_ENGINES", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineMissingError, match="npm is not installed"):
        archives.ensure(archives.DYNAMODB_LOCAL)
    with pytest.raises(EngineMissingError, match="java is not installed"), dynamodb_local():
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_a_missing_engine_fails_in_ci_and_skips_elsewhere(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no java"), missing_engine_skips():
        raise EngineMissingError("no java")


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _eventually_ends(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
