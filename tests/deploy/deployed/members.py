"""Who uses a deployed stack."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """Somebody who has signed in at an issuer, for an audience."""

    issuer: str
    audience: str
    user: str
    token: str
