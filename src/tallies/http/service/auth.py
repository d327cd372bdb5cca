"""Who may act for which user."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from starlette.requests import Request

from tallies.core.errors import InvalidInput
from tallies.http.service.problems import Refused

SECRET_VARIABLE = "TALLIES_JWT_SECRET"  # noqa: S105 - the variable's name, not the secret
MIN_SECRET_BYTES = 32  # RFC 7518, section 3.2: as long as the hash
JWKS_TIMEOUT_SECONDS = 5
LEEWAY_SECONDS = 30


class Auth(Protocol):
    """Decides whether a request may act for a user."""

    required: bool

    def check(self, request: Request, user_id: str) -> None:
        """Pass when the request acts for this user, or raise `Refused`.

        May wait for the network: call it in a thread.
        """

    def admit(self, request: Request) -> None:
        """Pass when the request acts for any user, or raise `Refused`. As `check`, in a thread."""


class NoAuth:
    """Everyone may act for anyone: for one's own machine."""

    required = False

    def check(self, request: Request, user_id: str) -> None:
        """Pass."""

    def admit(self, request: Request) -> None:
        """Pass."""


class JwtAuth:
    """Bearer tokens; `sub` is the user.

    Algorithms are pinned by the kind of key, so that a public key can never serve as a secret.
    """

    required = True

    def __init__(
        self,
        *,
        secret: str | None = None,
        jwks: str | None = None,
        issuer: str | None = None,
        audience: str | None = None,
    ) -> None:
        """Use the secret (HS256), or the keys at `jwks`, a file or an https URL (RS256, ES256).

        Raises:
            InvalidInput: the key material is missing or unfit.
        """
        try:
            import jwt
        except ModuleNotFoundError as missing:
            raise InvalidInput(
                "--auth jwt needs more packages; run: pip install 'tallies[jwt]'"
            ) from missing
        self._jwt = jwt
        self._issuer = issuer
        self._audience = audience
        self._secret = secret
        self._set: Any = None
        self._client: Any = None
        if jwks is not None:
            self._algorithms = ["RS256", "ES256"]
            self._read_keys(jwks)
        elif secret:
            self._algorithms = ["HS256"]
            if len(secret.encode()) < MIN_SECRET_BYTES:
                raise InvalidInput(
                    f"{SECRET_VARIABLE} is shorter than {MIN_SECRET_BYTES} bytes; use a random one."
                )
        else:
            raise InvalidInput(
                f"--auth jwt needs the environment variable {SECRET_VARIABLE}, or --jwks."
            )

    @classmethod
    def from_environment(
        cls,
        *,
        jwks: str | None,
        issuer: str | None,
        audience: str | None,
        environment: Mapping[str, str] = os.environ,
    ) -> "JwtAuth":
        """Like the constructor, with the secret from the environment unless `jwks` is given."""
        secret = None if jwks else environment.get(SECRET_VARIABLE)
        return cls(secret=secret, jwks=jwks, issuer=issuer, audience=audience)

    def _read_keys(self, jwks: str) -> None:
        if "://" in jwks:
            url = urlsplit(jwks)
            is_local = url.scheme == "http" and url.hostname in ("127.0.0.1", "localhost", "::1")
            if url.scheme != "https" and not is_local:
                raise InvalidInput("--jwks over plain http can be forged; use https.")
            self._client = self._jwt.PyJWKClient(jwks, timeout=JWKS_TIMEOUT_SECONDS)
            return
        try:
            self._set = self._jwt.PyJWKSet.from_json(Path(jwks).read_text())
        except OSError as error:
            raise InvalidInput(f"Cannot read {jwks}: {error.strerror}.") from error
        except (self._jwt.PyJWTError, ValueError, AttributeError, TypeError) as error:
            raise InvalidInput(f"{jwks} is no JSON web key set.") from error

    def check(self, request: Request, user_id: str) -> None:
        """Pass when the request carries a valid token of this user."""
        if self._subject(_token(request)) != user_id:
            raise Refused(403, "The token is another user's; act for its own.", "forbidden")

    def admit(self, request: Request) -> None:
        """Pass when the request carries a valid token."""
        self._subject(_token(request))

    def _subject(self, token: str) -> str:
        jwt = self._jwt
        required = ["exp", "sub", *(["iss"] if self._issuer else [])]
        try:
            claims = jwt.decode(
                token,
                self._key(token),
                algorithms=self._algorithms,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": required, "verify_aud": self._audience is not None},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise Refused(
                503, "The keys that check tokens are out of reach; try again.", "no-keys"
            ) from error
        except jwt.ExpiredSignatureError as error:
            raise _unauthorized("The token has expired.", "invalid_token") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _unauthorized("The token is not valid here.", "invalid_token") from error
        subject: str = claims["sub"]
        return subject

    def _key(self, token: str) -> Any:
        if self._client is not None:
            return self._client.get_signing_key_from_jwt(token).key
        if self._set is not None:
            wanted = self._jwt.get_unverified_header(token).get("kid")
            keys = [key for key in self._set.keys if wanted is None or key.key_id == wanted]
            if len(keys) != 1:
                raise self._jwt.InvalidKeyError("no key, or more than one, fits the token")
            return keys[0].key
        return self._secret


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthorized("Send a bearer token in the Authorization header.", "")
    return token.strip()


def _unauthorized(detail: str, error: str) -> Refused:
    challenge = "Bearer" + (f' error="{error}"' if error else "")
    return Refused(401, detail, "unauthorized", {"WWW-Authenticate": challenge})
