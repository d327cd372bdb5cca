"""One keep-alive connection to a server, as thin as the standard library has it."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPMessage
from types import MappingProxyType


class Client:
    """Sends requests one after the other over one connection."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(address)
        self.headers = HTTPMessage()
        """Of the last answer."""

    def request(
        self,
        method: str,
        path: str,
        expect: int,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        content: object = None,
    ) -> bytes:
        """The body of the answer, whose status must be the one expected; `content` goes as JSON."""
        body, sent = None, dict(headers)
        if content is not None:
            body, sent["Content-Type"] = json.dumps(content), "application/json"
        self._connection.request(method, path, body, sent)
        response = self._connection.getresponse()
        self.headers = response.headers
        answer = response.read()
        if response.status != expect:
            raise RuntimeError(f"{method} {path} answered {response.status}: {answer[:200]!r}")
        return answer
