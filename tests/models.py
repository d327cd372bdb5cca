"""boto3's models of the services: megabytes of JSON, which each session reads again."""

from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader


def reads_each_model_once() -> None:
    """From now on, this process does."""
    load_file = JSONFileLoader.load_file
    loaded = cache(lambda path: load_file(JSONFileLoader(), path))

    def load_once(_: JSONFileLoader, file_path: str) -> Any:
        return loaded(file_path)

    JSONFileLoader.load_file = load_once  # type: ignore[assignment, method-assign] # for tests alone
