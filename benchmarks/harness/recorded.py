"""A stand-in for DynamoDB that answers scans with pages made before, and to all else says yes.

What scans it can be measured by itself: the service costs this process no time worth a word.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, ClassVar

PAGE_BYTES = 1_000_000
"""Of the rows as the table holds them, of which a scan need not send all attributes."""


class Table:
    """Pages of one table, in a file. Each is read from its place when it is asked for."""

    def __init__(self, folder: Path, name: str, key: Sequence[str]) -> None:
        self.name = name
        self._key = key
        self._path = folder / f"{name}.pages"
        self._file = self._path.open("wb")
        self._places: list[tuple[int, int]] = []
        self.rows = 0

    def add(self, items: Sequence[Any], units: float) -> None:
        """One page."""
        page = {
            "Items": items,
            "Count": len(items),
            "ScannedCount": len(items),
            "ConsumedCapacity": {"TableName": self.name, "CapacityUnits": units},
        }
        # Without its end: what follows it is only known when it is asked for.
        text = json.dumps(page, separators=(",", ":")).encode()[:-1]
        self._places.append((self._file.tell(), len(text)))
        self._file.write(text)
        self.rows += len(items)

    def described(self) -> dict[str, Any]:
        """What the server needs to know of it."""
        self._file.close()
        schema = [{"AttributeName": name, "KeyType": "HASH"} for name in self._key]
        return {
            "file": str(self._path),
            "pages": self._places,
            "table": {"TableName": self.name, "KeySchema": schema, "ItemCount": self.rows},
        }


@contextmanager
def served(folder: Path, tables: Sequence[Table]) -> Iterator[str]:
    """A server of some tables, in a process of its own; its URL."""
    described = folder / "tables.json"
    described.write_text(json.dumps({each.name: each.described() for each in tables}))
    command = [sys.executable, "-m", __name__, str(described)]
    with Popen(command, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tables: ClassVar[dict[str, Any]] = {}

    def do_POST(self) -> None:  # http.server's name
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        if operation == "BatchGetItem":
            self._answer([b'{"Responses":{},"UnprocessedKeys":{}}'])
        elif operation == "DescribeTable":
            self._answer([json.dumps({"Table": self.tables[asked["TableName"]]["table"]}).encode()])
        elif operation == "Scan":
            self._page(asked)
        else:
            self._answer([b"{}"])

    def _page(self, asked: dict[str, Any]) -> None:
        table = self.tables[asked["TableName"]]
        pages, total = table["pages"], asked.get("TotalSegments", 1)
        start = asked.get("ExclusiveStartKey")
        number = int(start["page"]["S"]) if start else asked.get("Segment", 0)
        following = b""
        if number + total < len(pages):
            following = b',"LastEvaluatedKey":{"page":{"S":"%d"}}' % (number + total)
        if number >= len(pages):
            self._answer([b'{"Items":[],"Count":0,"ScannedCount":0}'])
            return
        offset, size = pages[number]
        self._answer([os.pread(table["fd"], size, offset), following, b"}"])

    def _answer(self, parts: list[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(sum(map(len, parts))))
        self.end_headers()
        self.wfile.write(b"".join(parts))

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def main(described: str) -> None:
    """Serve until it is ended."""
    tables = json.loads(Path(described).read_text())
    for table in tables.values():
        table["fd"] = os.open(table["file"], os.O_RDONLY)
    _Handler.tables = tables
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
