"""boto3 finds out some things anew for each session; here, once for thousands of them."""

import inspect
from collections.abc import Callable
from functools import cache
from types import MethodType
from typing import Any

from botocore import compat, hooks
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.loaders import JSONFileLoader


def finds_out_once() -> None:
    """From now on, this process does."""
    _read_each_model_once()
    _name_each_event_once()
    _look_at_signatures_quickly()


def _read_each_model_once() -> None:
    """The models of the services are megabytes of JSON."""
    load_file = JSONFileLoader.load_file
    loaded = cache(lambda path: load_file(JSONFileLoader(), path))

    def load_once(_: JSONFileLoader, file_path: str) -> Any:
        return loaded(file_path)

    JSONFileLoader.load_file = load_once  # type: ignore[assignment, method-assign] # for tests alone


def _name_each_event_once() -> None:
    """Each name is compared with all that were ever changed; sessions do not differ in these."""
    shared = EventAliaser(HierarchicalEmitter())._alias_event_name  # type: ignore[attr-defined] # the stubs lack it

    def named(_: EventAliaser, event_name: str) -> str:
        return str(shared(event_name))

    EventAliaser._alias_event_name = named  # type: ignore[attr-defined] # as above


def _look_at_signatures_quickly() -> None:
    """Whether an event's handler takes any keyword, which each must, is a flag of its code."""

    def accepts_kwargs(handler: Callable[..., Any]) -> Any:
        function = handler.__func__ if isinstance(handler, MethodType) else handler
        code = getattr(function, "__code__", None)
        if code is None:
            return compat.accepts_kwargs(handler)
        return code.co_flags & inspect.CO_VARKEYWORDS

    hooks.accepts_kwargs = accepts_kwargs  # type: ignore[assignment] # its truth is all they ask
