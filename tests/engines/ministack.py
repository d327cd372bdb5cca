"""ministack: CloudFormation, Lambda, DynamoDB, API Gateway and more in one process, in memory.

A function is a process of its own here, too; its package is unpacked and imported by the Python
that runs ministack, whatever runtime and architecture the template names. What it leaves out of
an event source mapping: tumbling windows (events name no shard) and partial batch failures.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .dynamodb import REGION
from .errors import EngineError
from .fetched import environments
from .process import LOOPBACK, Engine, free_port, guarded, is_listening, request, retried

HEALTH = "/_ministack/health"


@dataclass(frozen=True)
class Cloud:
    """One running ministack: one account, in `REGION`."""

    engine: Engine
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment that makes a process, or this one, use this cloud and no other."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            # Nothing of the developer's own account may be found or asked for.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": LOOPBACK,
        }

    def client(self, service: str) -> Any:
        """A client of one of its services."""
        import boto3

        return boto3.client(  # type: ignore[call-overload] # the stubs know only some services
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def call_api(
        self, api: str, method: str, path: str, token: str | None = None
    ) -> tuple[int, Any]:
        """One request to a deployed HTTP API: the status, and the JSON of the body if any."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        status, body = request(
            self.port,
            method,
            f"/_aws/execute-api/{api}/$default{path}",
            headers=headers,
            timeout_seconds=60,
        )
        return status, json.loads(body) if body else None


@contextlib.contextmanager
def ministack() -> Iterator[Cloud]:
    """Run ministack on the loopback for the length of the block; it is fetched if need be."""
    python = environments.ensure(environments.MINISTACK)
    with retried(lambda: _started(python, free_port())) as cloud:
        yield cloud


@contextlib.contextmanager
def _started(python: Path, port: int) -> Iterator[Cloud]:
    if is_listening(port):
        raise EngineError(f"port {port} is taken; ministack cannot listen on it")
    with tempfile.TemporaryDirectory(prefix="tallies-ministack-") as scratch:
        line = [str(python), "-m", "ministack"]
        with guarded("ministack", line, env=_environment(port, scratch)) as engine:
            engine.wait_until_answering(lambda: _answers(port))
            yield Cloud(engine, port)


def _environment(port: int, scratch: str) -> dict[str, str]:
    """All that its functions' processes see, too: nothing of the developer's own may leak there."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "TMPDIR": scratch,  # it unpacks functions there and leaves them
        "STATE_DIR": scratch,  # and the keys of its user pools
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "MINISTACK_REGION": REGION,
        "MINISTACK_HOST": "localhost",
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        # It would listen on more ports, and look for containers.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": "unix:///nowhere",
        "NO_PROXY": LOOPBACK,
    }


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        return request(port, "GET", HEALTH)[0] == 200
    return False
