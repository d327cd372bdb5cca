"""DynamoDB Local: Amazon's own emulator of DynamoDB and DynamoDB Streams, in memory."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .errors import EngineError, EngineMissingError
from .fetched import archives
from .process import LOOPBACK, Engine, free_port, guarded, is_listening, request, retried

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

REGION = "us-east-1"


def make_streamed_table(
    client: "DynamoDBClient", name: str, key: str = "id", kind: Literal["S", "N", "B"] = "S"
) -> None:
    """A table of somebody's with one key, whose stream has both images."""
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


@dataclass(frozen=True)
class DynamoDBAccount:
    """Tables of one's own on a shared engine.

    Without `-sharedDb` the engine keeps one database for each pair of access key and region, as
    AWS does for accounts. A new access key is therefore an empty database, and a wrong region
    finds no table.
    """

    endpoint: str
    access_key: str  # letters and digits only, or the engine refuses it
    region: str = REGION

    @property
    def env(self) -> dict[str, str]:
        """The environment that makes a process, or this one, use this account and no other."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            # Nothing of the developer's own account may be found or asked for.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": LOOPBACK,
        }

    def store_url(self, prefix: str) -> str:
        """The URL of a store here."""
        return f"dynamodb://{self.region}/{prefix}?endpoint={self.endpoint}"

    def dynamodb(self) -> "DynamoDBClient":
        import boto3

        return boto3.client(
            "dynamodb",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key="local",
        )

    def streams(self) -> "DynamoDBStreamsClient":
        import boto3

        return boto3.client(
            "dynamodbstreams",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key="local",
        )

    def wipe(self) -> None:
        """Delete every table, so that the account is as good as new.

        Cheaper than a new account: the engine keeps half a dozen threads for each it has seen.
        Streams of deleted tables stay listed, as they do on AWS for a day.
        """
        dynamodb = _cleaner(self)
        for page in dynamodb.get_paginator("list_tables").paginate():
            for table in page["TableNames"]:
                try:
                    dynamodb.delete_table(TableName=table)
                except dynamodb.exceptions.ClientError:  # the one reason for it is its protection
                    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
                    dynamodb.delete_table(TableName=table)


@cache
def _cleaner(account: DynamoDBAccount) -> "DynamoDBClient":
    """The client that wipes an account after each test: one, and one connection."""
    return account.dynamodb()


def command(port: int, *, shared: bool = False) -> tuple[list[str], Path]:
    """The command line of the engine and the folder to run it in; fetches it if need be."""
    java = shutil.which("java")
    if java is None:
        raise EngineMissingError("java is not installed; DynamoDB Local needs version 17 or newer")
    folder = archives.ensure(archives.DYNAMODB_LOCAL)
    # An engine lives for minutes at most: the optimising compiler costs more than it gains.
    options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    options += ["-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    # It listens on every interface and has no option to bind one: not for a machine that the
    # internet reaches. It makes no connection of its own once its telemetry is off.
    options += ["-inMemory", "-disableTelemetry", "-port", str(port)]
    if shared:
        options.append("-sharedDb")
    return [java, *options], folder


def environment() -> dict[str, str]:
    return {**os.environ, "DDB_LOCAL_TELEMETRY": "0"}


@contextlib.contextmanager
def dynamodb_local(port: int | None = None, *, shared: bool = False) -> Iterator[str]:
    """Run DynamoDB Local for the length of the block; gives the endpoint's URL.

    `shared` gives every access key and region the same tables (see DynamoDBAccount).
    """
    if port is not None:
        with _started(port, shared) as endpoint:
            yield endpoint
    else:
        with retried(lambda: _started(free_port(), shared)) as endpoint:
            yield endpoint


@contextlib.contextmanager
def _started(port: int, shared: bool) -> Iterator[str]:
    if is_listening(port):
        raise EngineError(f"port {port} is taken; DynamoDB Local cannot listen on it")
    line, folder = command(port, shared=shared)
    with guarded("DynamoDB Local", line, cwd=folder, env=environment()) as engine:
        engine.wait_until_answering(lambda: _answers(engine, port))
        yield f"http://{LOOPBACK}:{port}"


def _answers(engine: Engine, port: int) -> bool:
    # A Java process that failed to bind lives on without serving: only the log tells.
    if "Failed to bind" in engine.log_text():
        raise EngineError(f"port {port} is taken; DynamoDB Local cannot listen on it")
    with contextlib.suppress(OSError):
        status, _ = request(port, "POST", "/", "{}", _LIST_TABLES)
        return status == 200
    return False


_LIST_TABLES = {
    "X-Amz-Target": "DynamoDB_20120810.ListTables",
    "Content-Type": "application/x-amz-json-1.0",
    # The engine reads the key and the region out of it and checks no signature.
    "Authorization": (
        f"AWS4-HMAC-SHA256 Credential=ready/20200101/{REGION}/dynamodb/aws4_request, "
        "SignedHeaders=host, Signature=0"
    ),
}
