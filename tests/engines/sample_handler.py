"""A handler that does what its event says: the subject of the smoke test of the Lambda engine."""

import os
import time
from typing import Any, Protocol


class Context(Protocol):
    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    print(f"saw {event}")
    time.sleep(event.get("sleep_seconds", 0))
    if "raise" in event:
        raise ValueError(event["raise"])
    if "exit" in event:
        os._exit(event["exit"])
    return {
        "echo": event,
        "process": os.getpid(),
        "remaining_milliseconds": context.get_remaining_time_in_millis(),
        "greeting": os.environ.get("GREETING"),
        "leaked": os.environ.get("TALLIES_TEST_LEAK"),
    }
