"""Samples: some of the groups, chosen at random, each of them checked whole."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from math import ceil

from tallies.core.errors import InvalidInput, shown

_HASH_BYTES = 8
_SEED_BYTES = 4
MAX_SEED = (1 << 8 * _SEED_BYTES) - 1


@dataclass(frozen=True)
class Sample:
    """A share of all groups: the same ones for the same seed, in any store."""

    share: float
    """More than 0, at most 1."""
    seed: int
    """0 to MAX_SEED."""

    def takes(self, group: str) -> bool:
        """Whether the group is one of the sample."""
        digest = blake2b(
            group.encode(errors="surrogatepass"),
            digest_size=_HASH_BYTES,
            key=self.seed.to_bytes(_SEED_BYTES),
        ).digest()
        return int.from_bytes(digest) < ceil(self.share * (1 << 8 * _HASH_BYTES))


def parse_share(text: str) -> float:
    """A share that is written in per cent.

    >>> parse_share("0.5%")
    0.005

    Raises:
        InvalidInput: the text is no share, or not more than 0 % and at most 100 %.
    """
    number, sign, rest = text.strip().partition("%")
    try:
        per_cent = Decimal(number.strip())
    except InvalidOperation:
        per_cent = Decimal("nan")
    if not (sign and not rest and per_cent.is_finite() and 0 < per_cent <= 100):
        raise InvalidInput(
            f"{shown(text)} is no share of the groups; write one like 1%, more than 0% and at most"
            " 100%."
        )
    return float(per_cent / 100)
