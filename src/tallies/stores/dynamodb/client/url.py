"""Store URLs of DynamoDB: `dynamodb://REGION/PREFIX?endpoint=URL&ranking_shards=N&ranking=R&guard=G`."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tallies.core.errors import InvalidStoreUrl
from tallies.stores.layout import AS_IT_IS, GUARDS, MAX_RANKING_SHARDS, RANKINGS, LayoutWish

_FORM = "dynamodb://REGION/PREFIX?endpoint=http://127.0.0.1:8000"
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+|local")
Known = TypeVar("Known", bound=str)
_PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,200}")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a store is."""

    region: str
    prefix: str
    endpoint: str | None = None
    """None for the endpoint of the region."""
    layout: LayoutWish = AS_IT_IS
    """How rows are kept, as far as the URL names it; the store itself says the rest."""

    @property
    def url(self) -> str:
        """The URL, without secrets."""
        options = []
        if self.endpoint:
            options.append(f"endpoint={quote(self.endpoint, safe=':/')}")
        named = asdict(self.layout).items()
        options += [f"{name}={value}" for name, value in named if value is not None]
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
    layout = _layout(url, options)
    if options:
        raise InvalidStoreUrl(f"{url!r}: unknown option {next(iter(options))!r}.")
    return Location(region, prefix, endpoint, layout)


def _layout(url: str, options: dict[str, str]) -> LayoutWish:
    """The layout that the options name; these are removed from `options`."""
    shards = options.pop("ranking_shards", None)
    if shards is not None and not (shards.isdecimal() and 1 <= int(shards) <= MAX_RANKING_SHARDS):
        raise InvalidStoreUrl(f"{url!r}: ranking_shards is 1 to {MAX_RANKING_SHARDS}.")
    return LayoutWish(
        None if shards is None else int(shards),
        _one_of(url, options, "ranking", RANKINGS),
        _one_of(url, options, "guard", GUARDS),
    )


def _one_of(url: str, options: dict[str, str], name: str, known: Sequence[Known]) -> Known | None:
    given = options.pop(name, None)
    if given is None:
        return None
    for each in known:
        if each == given:
            return each
    raise InvalidStoreUrl(f"{url!r}: {name} is {' or '.join(known)}.")


def _check_endpoint(url: str, endpoint: str) -> None:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidStoreUrl(f"{url!r}: the endpoint is like http://127.0.0.1:8000.")
    if parts.username or parts.password:
        raise InvalidStoreUrl(
            "The endpoint in the store URL holds a name or password; credentials come from the"
            " usual chain of AWS (AWS_PROFILE, AWS_ACCESS_KEY_ID, ...)."
        )
