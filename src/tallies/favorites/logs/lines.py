"""Lines of text from a file, compressed or not: in blocks, of bounded length, damage reported."""

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Any, Self

from tallies.core.errors import InvalidInput

MAX_LINE_CHARACTERS = 65_536
"""A longer line is passed on cut to one character more than this, so that it is recognised."""

STANDARD_INPUT = "-"

_BLOCK_BYTES = 64 * 1024  # what is made from a block stays in the processor's cache
_GZIP = b"\x1f\x8b"
_UNREADABLE = {
    b"\xff\xfe": "is in UTF-16; save it as UTF-8",
    b"\xfe\xff": "is in UTF-16; save it as UTF-8",
    b"PK\x03\x04": "is packed as zip; unpack it, or pack it with gzip",
    b"BZh": "is packed with bzip2; unpack it, or pack it with gzip",
    b"\xfd7zXZ": "is packed with xz; unpack it, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "is packed with zstd; unpack it, or pack it with gzip",
}
_MAGIC_BYTES = max(map(len, _UNREADABLE))


class Lines:
    """An open text file in UTF-8, plain or gzip, for a `with` statement; `-` is standard input.

    Bytes that are not UTF-8 come through as surrogates, so that they spoil only their own line.

    Raises:
        InvalidInput: it cannot be opened, or is of a kind that we do not read.
    """

    def __init__(self, path: Path | str) -> None:
        self.name = "Standard input" if str(path) == STANDARD_INPUT else str(path)
        self.size: int | None = None
        """Bytes of the file on the disk; None where that is not known (a pipe)."""
        self.damage = ""
        """Why the file could not be read to its end, as one sentence; empty when it could."""
        self.unterminated = False
        """Whether the last line of the last block lacks its line break: it may be cut off."""
        self._owned = str(path) != STANDARD_INPUT
        try:
            self._raw = self._open(Path(path)) if self._owned else _standard_input()
            head = self._raw.peek(_MAGIC_BYTES)
        except OSError as error:
            raise self.refused(error) from error
        for magic, sentence in _UNREADABLE.items():
            if head.startswith(magic):
                self.close()
                raise InvalidInput(f"{self.name} {sentence}.")
        packed = head.startswith(_GZIP)
        self._bytes = gzip.GzipFile(fileobj=self._raw) if packed else self._raw

    def _open(self, path: Path) -> io.BufferedReader:
        raw = path.open("rb")
        status = path.stat()
        self.size = status.st_size if S_ISREG(status.st_mode) else None
        return raw

    def refused(self, error: OSError) -> InvalidInput:
        """The error to raise when the system does not let us read the file."""
        return InvalidInput(f"Cannot read {self.name}: {(error.strerror or str(error)).lower()}.")

    @property
    def bytes_read(self) -> int:
        """How far into the file on the disk the reading is; 0 where that is not known."""
        return 0 if self.size is None or self._raw.closed else self._raw.tell()

    def blocks(self) -> Iterator[list[str]]:
        """All lines in their order, without line breaks, some thousand at a time."""
        # Of the characters that Python can take for a line break, only CR and LF are ones here.
        decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8-sig")("surrogateescape"), translate=True
        )
        rest = ""
        while True:
            data = self._read()
            if self.damage:
                return  # what came before it is cut off somewhere, and must not pass for whole
            lines = (rest + decoder.decode(data, final=not data)).split("\n")
            rest = lines.pop()[: MAX_LINE_CHARACTERS + 1]
            if lines:
                yield lines
            if not data:
                break
        if rest:
            self.unterminated = True
            yield [rest]

    def _read(self) -> bytes:
        try:
            # At most one read of the layer below: an error in a later one loses nothing of it.
            return self._bytes.read1(_BLOCK_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.damage = "The gzip data is damaged or cut off here; get a whole copy of the file."
            if str(error).startswith("Not a gzipped file"):
                self.damage = "What follows here is no gzip data; all before it was read."
        except OSError as error:
            self.damage = f"The file cannot be read further: {error.strerror or error}."
        return b""

    def close(self) -> None:
        if self._owned:
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _standard_input() -> io.BufferedReader:
    stream: Any = sys.stdin.buffer  # what stands in for it in a test has the methods, not the type
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)
