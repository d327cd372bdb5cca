"""What an answer is that refuses (RFC 9457)."""

from httpx2 import Response


def is_problem(answer: Response, status: int, words: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code"}
    assert body["status"] == status
    assert words in body["detail"]
