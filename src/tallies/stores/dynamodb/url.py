"""Store URLs of DynamoDB: `dynamodb://REGION/PREFIX?endpoint=URL&ranking_shards=N`."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tallies.core.errors import InvalidStoreUrl
from tallies.stores.protocol import MAX_RANKING_SHARDS

_FORM = "dynamodb://REGION/PREFIX?endpoint=http://127.0.0.1:8000"
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+|local")
_PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,200}")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a store is."""

    region: str
    prefix: str
    endpoint: str | None = None
    """None for that of the region."""
    ranking_shards: int | None = None
    """How many partitions a leaderboard has; None for what the store says itself."""

    @property
    def url(self) -> str:
        """The URL, without secrets."""
        options = []
        if self.endpoint:
            options.append(f"endpoint={quote(self.endpoint, safe=':/')}")
        if self.ranking_shards:
            options.append(f"ranking_shards={self.ranking_shards}")
        return f"dynamodb://{self.region}/{self.prefix}" + (
            f"?{'&'.join(options)}" if options else ""
        )


def parse_url(url: str) -> Location:
    """Read a store URL.

    Raises:
        InvalidStoreUrl: it names no region, no prefix, or something unknown.
    """
    try:
        parts = urlsplit(url)
        options = dict(
            parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        )
    except ValueError:
        raise InvalidStoreUrl(f"{url!r} is no store URL; write {_FORM}.") from None
    region, prefix = parts.netloc, unquote(parts.path)[1:]
    if not _REGION.fullmatch(region):
        raise InvalidStoreUrl(f"{url!r}: {region!r} is no AWS region; write {_FORM}.")
    if not _PREFIX.fullmatch(prefix) or parts.fragment:
        raise InvalidStoreUrl(
            f"{url!r}: the prefix of the tables may hold letters, digits, '_', '.' and '-'; write"
            f" {_FORM}."
        )
    endpoint = options.pop("endpoint", None)
    if endpoint is not None:
        _check_endpoint(url, endpoint)
    shards = options.pop("ranking_shards", None)
    if shards is not None and not (shards.isdecimal() and 1 <= int(shards) <= MAX_RANKING_SHARDS):
        raise InvalidStoreUrl(f"{url!r}: ranking_shards is 1 to {MAX_RANKING_SHARDS}.")
    if options:
        raise InvalidStoreUrl(f"{url!r}: unknown option {next(iter(options))!r}.")
    return Location(region, prefix, endpoint, None if shards is None else int(shards))


def _check_endpoint(url: str, endpoint: str) -> None:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidStoreUrl(f"{url!r}: the endpoint is like http://127.0.0.1:8000.")
    if parts.username or parts.password:
        raise InvalidStoreUrl(
            "The endpoint in the store URL holds a name or password; credentials come from the"
            " usual chain of AWS (AWS_PROFILE, AWS_ACCESS_KEY_ID, ...)."
        )
