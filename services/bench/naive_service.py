"""
A service as one would write it in an afternoon, to be measured against: each mention is judged when it comes, the webhook posted at once.

    python -m services.bench.naive_service PORT HOOK NAME…

Nothing is kept: what is under way when it ends is gone.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

import httpx

from services.bench.naive import Naive

_NEGATIVE = 0.3


class Judge:
    """Tells a hook of the first bad word about each name."""

    def __init__(self, names: list[str], hook: str) -> None:
        self._naive, self._hook = Naive(names), hook
        self._told: set[str] = set()
        self._lock = Lock()
        self._client = httpx.Client(trust_env=False)

    def take(self, mentions: list[dict[str, Any]]) -> None:
        """One after the other."""
        for mention in mentions:
            with self._lock:
                judged = self._naive.judged(mention)
            if judged["sentiment"] < _NEGATIVE or len(judged["hits"]) > len(judged["subjects"]):
                self._tell(judged["subjects"])

    def _tell(self, names: list[str]) -> None:
        for name in set(names) - self._told:
            self._told.add(name)
            self._client.post(self._hook, json={"type": "alert.opened", "data": {"alert": {"subject": name}}})


class Handler(BaseHTTPRequestHandler):
    """POST: judge, then answer; GET: ready."""

    protocol_version = "HTTP/1.1"
    judge: Judge

    def do_GET(self) -> None:
        """Always ready."""
        self._answer(200)

    def do_POST(self) -> None:
        """One mention or an array."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.judge.take(body if isinstance(body, list) else [body])
        self._answer(202)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the library's name
        """Say nothing."""

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main(arguments: list[str]) -> None:
    """Serve until terminated."""
    port, hook, *names = arguments
    judging = type("Judging", (Handler,), {"judge": Judge(names, hook)})
    ThreadingHTTPServer(("127.0.0.1", int(port)), judging).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
