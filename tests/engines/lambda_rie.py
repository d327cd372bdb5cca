"""AWS Lambda on this machine: the real Python runtime client under Amazon's interface emulator.

The emulator starts `python -m awslambdaric HANDLER` at the first invocation, as Lambda does, keeps
it warm for the next, kills it at the function's timeout, and starts a new one after a crash.
"""

import contextlib
import importlib.util
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import EngineError, EngineMissingError, FunctionError, FunctionTimeoutError
from .fetched import archives
from .process import LOOPBACK, POLL_SECONDS, Engine, free_port, guarded, request, retried

INVOCATIONS = "/2015-03-31/functions/function/invocations"
# Beyond the function's own timeout: the start of the runtime, and the emulator's killing of it.
GRACE_SECONDS = 60.0

_TIMED_OUT = re.compile(r"Task timed out after [\d.]+ seconds")
_INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")
_INVOKE = re.compile(r"INVOKE RTDONE\(.*duration: ([\d.]+)ms\)")


class LambdaFunction:
    """A deployed handler. Call it to invoke it, one invocation at a time.

    (Lambda would start a second environment for a concurrent invocation; start a second
    `lambda_runtime` for that.)
    """

    def __init__(self, engine: Engine, port: int, function_timeout_seconds: int) -> None:
        self._engine = engine
        self._port = port
        self._patience = function_timeout_seconds + GRACE_SECONDS
        self._busy = threading.Lock()

    def __call__(
        self, event: Mapping[str, Any], *, timeout_seconds: float | None = None
    ) -> dict[str, Any]:
        """Invoke with the event; the handler's answer.

        Raises FunctionError for what the handler raised or its process's death, its subclass
        FunctionTimeoutError at the function's timeout, and EngineError if nothing comes within
        `timeout_seconds` (by default: the function's timeout and 30 s).
        """
        if not self._busy.acquire(blocking=False):
            raise EngineError("this function is busy; start another lambda_runtime beside it")
        try:
            status, body = request(
                self._port,
                "POST",
                INVOCATIONS,
                json.dumps(event),
                timeout_seconds=timeout_seconds or self._patience,
            )
        except OSError as error:
            raise EngineError(f"the Lambda emulator did not answer: {error!r}") from error
        finally:
            self._busy.release()
        return _answer(status, body)

    def log_text(self) -> str:
        """What the handler and the emulator have written so far.

        The emulator copies the handler's output on its own time: the last lines may come just
        after the answer; `wait_for_log` waits for them.
        """
        return self._engine.log_text()

    def wait_for_log(self, text: str, *, timeout_seconds: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_seconds
        while text not in self.log_text():
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} did not appear in the log:\n{self.log_text()}")
            time.sleep(POLL_SECONDS)

    @property
    def init_milliseconds(self) -> list[float]:
        """The emulator's own figure for each cold start: process, imports, handler's module."""
        return [float(found) for found in _INIT.findall(self.log_text())]

    @property
    def invoke_milliseconds(self) -> list[float]:
        """The emulator's own figure for each invocation that came to an answer."""
        return [float(found) for found in _INVOKE.findall(self.log_text())]


def _answer(status: int, body: str) -> dict[str, Any]:
    if _TIMED_OUT.fullmatch(body):
        raise FunctionTimeoutError("Sandbox.Timedout", body)
    try:
        answer = json.loads(body)
    except ValueError:
        raise EngineError(f"the Lambda emulator answered {status} with {body!r}") from None
    # The emulator marks a function's error by nothing but the shape of the body.
    if isinstance(answer, dict) and {"errorType", "errorMessage"} <= answer.keys():
        raise FunctionError(answer["errorType"], answer["errorMessage"], answer.get("stackTrace"))
    if status != 200:
        raise EngineError(f"the Lambda emulator answered {status} with {body!r}")
    if not isinstance(answer, dict):
        raise TypeError(f"the handler returned {body}, not an object")
    return answer


@contextlib.contextmanager
def lambda_runtime(
    handler: str,
    env: Mapping[str, str] | None = None,
    *,
    function_timeout_seconds: int = 60,
    cwd: Path | None = None,
) -> Iterator[LambdaFunction]:
    """Deploy a handler (`pkg.mod:name` or `pkg.mod.name`) for the length of the block.

    It sees the environment of a Lambda function and `env`, nothing of this process's own, so no
    setting or credential of the developer's leaks in. Modules are found from `cwd` (by default the
    repository) and `src`.
    """
    if sys.platform != "linux":
        raise EngineMissingError("the Lambda emulator is a Linux program; run these tests on Linux")
    if importlib.util.find_spec("awslambdaric") is None:
        raise EngineMissingError("awslambdaric is not installed; it is in the dev extra of tallies")
    program = archives.ensure(archives.LAMBDA_RIE) / "aws-lambda-rie"
    name = handler.replace(":", ".")
    environment = _environment(name, env or {}, function_timeout_seconds)
    with retried(lambda: _started(program, name, environment, cwd or archives.REPOSITORY)) as (
        engine,
        port,
    ):
        yield LambdaFunction(engine, port, function_timeout_seconds)


@contextlib.contextmanager
def _started(
    program: Path, handler: str, env: Mapping[str, str], cwd: Path
) -> Iterator[tuple[Engine, int]]:
    port, api_port = free_port(), free_port()
    command = [str(program), "--runtime-interface-emulator-address", f"{LOOPBACK}:{port}"]
    command += ["--runtime-api-address", f"{LOOPBACK}:{api_port}"]
    command += [sys.executable, "-m", "awslambdaric", handler]
    with guarded("the Lambda emulator", command, cwd=cwd, env=env) as engine:
        engine.wait_until_answering(lambda: _answers(port) and _answers(api_port))
        yield engine, port


def _answers(port: int) -> bool:
    # Any path but the invocations': an answer proves the server and starts no handler.
    with contextlib.suppress(OSError):
        return request(port, "GET", "/")[0] > 0
    return False


def _environment(handler: str, env: Mapping[str, str], timeout_seconds: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(archives.REPOSITORY / "src"),
        "PYTHONUNBUFFERED": "1",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "HOME": "/nonexistent",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_NAME": "tallies",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "_HANDLER": handler,
        **env,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
    }
