"""One keep-alive connection to a server, as thin as the standard library has it."""

from http.client import HTTPConnection


class Client:
    """Sends requests one after the other over one connection."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(address)

    def request(self, method: str, path: str, expect: int) -> bytes:
        """The body of the answer, whose status must be the one expected."""
        self._connection.request(method, path)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != expect:
            raise RuntimeError(f"{method} {path} answered {response.status}: {body[:200]!r}")
        return body
