"""Sign-in: users touch only their own favorites; all read leaderboards."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tallies.core.errors import InvalidInput
from tallies.favorites.http import JwtAuth, create_app
from tallies.favorites.on_sqlite import SqliteFavorites
from tests.http.conftest import is_problem

SECRET = "a secret of at least thirty-two bytes, long enough"
ONE = "/users/ann/favorites/noodles"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
KEYS = {
    "keys": [
        {**json.loads(RSAAlgorithm.to_jwk(RSA.public_key())), "kid": "rsa", "use": "sig"},
        {**json.loads(ECAlgorithm.to_jwk(EC.public_key())), "kid": "ec", "use": "sig"},
    ]
}


def claims(**changes: Any) -> dict[str, Any]:
    found = {"sub": "ann", "exp": int(time.time()) + 600, **changes}
    return {name: value for name, value in found.items() if value is not None}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteFavorites]:
    """One of the stores: who may do what does not hang on it."""
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        yield store


def client_of(store: SqliteFavorites, auth: JwtAuth) -> TestClient:
    return TestClient(create_app(store, auth=auth), raise_server_exceptions=False)


@pytest.fixture
def by_secret(store: SqliteFavorites) -> TestClient:
    return client_of(store, JwtAuth(secret=SECRET))


def test_a_token_opens_its_subjects_favorites_only(by_secret: TestClient) -> None:
    headers = bearer(jwt.encode(claims(), SECRET, "HS256"))
    assert by_secret.put(ONE, headers=headers).status_code == 201
    assert by_secret.get(ONE, headers=headers).status_code == 200
    assert by_secret.patch(ONE, headers=headers, json={"note": "x"}).status_code == 200
    assert by_secret.get("/users/ann/favorites", headers=headers).status_code == 200
    for method in ("GET", "PUT", "DELETE"):
        other = by_secret.request(method, "/users/bob/favorites/noodles", headers=headers)
        is_problem(other, 403, "another user's")
    is_problem(by_secret.get("/users/bob/favorites", headers=headers), 403)
    assert by_secret.delete(ONE, headers=headers).status_code == 204


def test_leaderboards_are_for_all(by_secret: TestClient) -> None:
    for path in ("/leaderboards/all", "/restaurants/a/tally", "/restaurants/a/history", "/health"):
        assert by_secret.get(path).status_code == 200


REFUSED: list[tuple[str, Callable[[], str]]] = [
    ("expired", lambda: jwt.encode(claims(exp=1), SECRET, "HS256")),
    ("no exp", lambda: jwt.encode(claims(exp=None), SECRET, "HS256")),
    ("no sub", lambda: jwt.encode(claims(sub=None), SECRET, "HS256")),
    ("sub is no text", lambda: jwt.encode({"exp": claims()["exp"], "sub": 7}, SECRET, "HS256")),
    ("not yet", lambda: jwt.encode(claims(nbf=2**33), SECRET, "HS256")),
    ("another secret", lambda: jwt.encode(claims(), SECRET[::-1], "HS256")),
    ("another algorithm", lambda: jwt.encode(claims(), SECRET * 2, "HS512")),
    ("none", lambda: jwt.encode(claims(), "", "none")),
    ("torn", lambda: jwt.encode(claims(), SECRET, "HS256")[:-3]),
    ("no token", lambda: "x.y.z"),
]


@pytest.mark.parametrize(("_", "token"), REFUSED, ids=[name for name, _ in REFUSED])
def test_tokens_that_do_not_open(
    by_secret: TestClient, _: str, token: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    text = token()
    answer = by_secret.put(ONE, headers=bearer(text))
    is_problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert text not in caplog.text
    assert text not in answer.text


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "x"])
def test_no_token(by_secret: TestClient, header: str | None) -> None:
    answer = by_secret.get(ONE, headers={} if header is None else {"Authorization": header})
    is_problem(answer, 401, "bearer token")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.fixture(scope="module")
def key_server() -> Iterator[str]:
    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(KEYS).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["file", "url"])
def by_keys(
    request: pytest.FixtureRequest, store: SqliteFavorites, tmp_path: Path, key_server: str
) -> TestClient:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(KEYS))
    jwks = str(path) if request.param == "file" else key_server
    return client_of(store, JwtAuth(jwks=jwks))


def test_keys_of_both_kinds_open(by_keys: TestClient) -> None:
    by_rsa = jwt.encode(claims(), RSA, "RS256", {"kid": "rsa"})
    by_ec = jwt.encode(claims(), EC, "ES256", {"kid": "ec"})
    assert by_keys.put(ONE, headers=bearer(by_rsa)).status_code == 201
    assert by_keys.put(ONE, headers=bearer(by_ec)).status_code == 200


def test_a_public_key_is_no_secret(by_keys: TestClient) -> None:
    import hashlib
    import hmac

    from jwt.utils import base64url_encode

    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64url_encode(json.dumps({"alg": "HS256", "kid": "rsa"}).encode())
    body = base64url_encode(json.dumps(claims()).encode())
    seal = base64url_encode(hmac.digest(public, head + b"." + body, hashlib.sha256))
    is_problem(by_keys.put(ONE, headers=bearer((head + b"." + body + b"." + seal).decode())), 401)


def test_keys_that_do_not_open(by_keys: TestClient) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (
        jwt.encode(claims(), stranger, "RS256", {"kid": "rsa"}),
        jwt.encode(claims(), RSA, "RS256", {"kid": "unknown"}),
        jwt.encode(claims(), RSA, "PS256", {"kid": "rsa"}),
    ):
        is_problem(by_keys.put(ONE, headers=bearer(token)), 401)


def test_issuer_and_audience(store: SqliteFavorites) -> None:
    client = client_of(store, JwtAuth(secret=SECRET, issuer="us", audience="favorites"))
    good = jwt.encode(claims(iss="us", aud="favorites"), SECRET, "HS256")
    assert client.put(ONE, headers=bearer(good)).status_code == 201
    for changes in ({}, {"iss": "us"}, {"iss": "them", "aud": "favorites"}, {"aud": "favorites"}):
        token = jwt.encode(claims(**changes), SECRET, "HS256")
        is_problem(client.put(ONE, headers=bearer(token)), 401)


def test_keys_out_of_reach_are_no_fault_of_the_user(store: SqliteFavorites) -> None:
    client = client_of(store, JwtAuth(jwks="http://127.0.0.1:9/jwks.json"))
    token = jwt.encode(claims(), RSA, "RS256", {"kid": "rsa"})
    is_problem(client.put(ONE, headers=bearer(token)), 503, "out of reach")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "TALLIES_JWT_SECRET"),
        ({"secret": "short"}, "32 bytes"),
        ({"jwks": "/nowhere.json"}, "Cannot read"),
        ({"jwks": "http://example.com/keys"}, "https"),
        ({"jwks": "http://localhost.example.com/keys"}, "https"),
        ({"jwks": "http://127.0.0.1@example.com/keys"}, "https"),
        ({"jwks": "ftp://127.0.0.1/keys"}, "https"),
        ({"jwks": __file__}, "no JSON web key set"),
    ],
)
def test_key_material_that_is_unfit(given: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        JwtAuth(**given)


def test_what_needs_a_token_is_for_no_shared_cache(store: SqliteFavorites) -> None:
    opened = client_of(store, JwtAuth(secret=SECRET))
    token = bearer(jwt.encode(claims(), SECRET))
    for path in ("/tallies", "/tallies/favorites/tally?group=noodles"):
        assert opened.get(path).status_code == 401
        assert opened.get(path, headers=token).headers["cache-control"] == "private, max-age=1"
    assert opened.get("/leaderboards/all").headers["cache-control"] == "public, max-age=1"


def test_openapi_says_which_routes_want_a_token(by_secret: TestClient) -> None:
    paths = by_secret.get("/openapi.json").json()["paths"]
    assert paths["/users/{user_id}/favorites/{restaurant_id}"]["put"]["security"]
    assert "security" not in paths["/leaderboards/{window}"]["get"]
