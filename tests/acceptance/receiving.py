"""A webhook receiver: a real HTTP server in threads of its own, which verifies and keeps everything that arrives."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from types import TracebackType
from typing import Any, NamedTuple, Self

from standardwebhooks.webhooks import Webhook

from tests.acceptance.making import SECRET

TAKEN = 204  # how a message is answered that was taken
CUT = 0  # a connection that is cut without an answer
TOLERANCE = 300.0  # seconds between the clocks of sender and receiver, as Standard Webhooks has it


class Arrival(NamedTuple):
    """One POST as it came in."""

    message: str
    body: bytes
    at: float
    sound: bool
    status: int = TAKEN

    @property
    def data(self) -> dict[str, Any]:
        """What the message tells."""
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data


class Receiver:
    """
    Listens within `with`; answers each POST after `pause` seconds, so that there is always something in flight to be lost.

    `answers` gives the status of each answer, or CUT. `punctual` False: the sender's clock may be anything, its signature may not.
    """

    def __init__(self, pause: float = 0.0, answers: Callable[[], int] = lambda: TAKEN, *, punctual: bool = True) -> None:
        self.arrivals: list[Arrival] = []
        self._punctual = punctual
        self._pause, self._answers = pause, answers
        self._news = Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where to POST to."""
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def wait(self, holds: Callable[[list[Arrival]], bool], within: float) -> bool:
        """Wait until something holds of the arrivals; whether it came to."""
        with self._news:
            return self._news.wait_for(lambda: holds(self.arrivals), within)

    def first(self) -> dict[str, Arrival]:
        """The first arrival of every message, in their order."""
        found: dict[str, Arrival] = {}
        for arrival in self.arrivals:
            found.setdefault(arrival.message, arrival)
        return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _keep(self, headers: dict[str, str], body: bytes) -> int:
        """The status to answer with."""
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        signed = Webhook(SECRET).sign(headers["webhook-id"], at, body.decode())
        sound = headers["webhook-signature"] == signed and (not self._punctual or abs(time.time() - at.timestamp()) < TOLERANCE)
        with self._news:
            status = self._answers()
            self.arrivals.append(Arrival(headers["webhook-id"], body, time.monotonic(), sound, status))
            self._news.notify_all()
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            """Takes a message."""

            def do_POST(self) -> None:
                """Keep it, then answer."""
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # killed before it had said all: that is no message yet
                status = receiver._keep({name.lower(): value for name, value in self.headers.items()}, body)
                time.sleep(receiver._pause)
                with suppress(ConnectionError):  # the sender was killed meanwhile
                    if status != CUT:
                        self.send_response(status)
                        self.end_headers()

            def handle(self) -> None:
                """As the library does; a sender that was killed in the middle of a request has sent none."""
                with suppress(ConnectionError):
                    super().handle()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the library's name
                """Say nothing."""

        return Handler
