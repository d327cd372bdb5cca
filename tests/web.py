"""Requests to services that the tests start, all on loopback."""

import httpx2 as httpx

WEB = httpx.Client(
    timeout=300,  # a busy machine answers late
    verify=False,  # `httpx.get` reads all certificates for each request: 30 ms
    trust_env=False,
    limits=httpx.Limits(max_keepalive_connections=0),  # services end, and others take their ports
)
