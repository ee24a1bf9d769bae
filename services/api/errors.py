"""Every error as RFC 9457 problem+json: what happened and what to do about it, never what was sent at length or a traceback."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.stdlib import BoundLogger

from monitor.errors import StoreUnavailable

PROBLEM = "application/problem+json"
RETRY_AFTER = "5"
CALLER = "yuqing.caller"  # in the scope of a request: who sent it, once that is known
_LONGEST = 300
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Refusal(Exception):
    """An answer other than success; `more` are members beside those of RFC 9457."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, dict(headers or {}), more


def problem(refusal: Refusal) -> Response:
    """The refusal as a response."""
    body = {"type": "about:blank", "title": HTTPStatus(refusal.status).phrase, "status": refusal.status}
    body |= {"detail": refusal.detail[:_LONGEST], **refusal.more}
    return Response(msgspec.json.encode(body), refusal.status, refusal.headers, PROBLEM)


def busy(detail: str) -> Refusal:
    """503: the same again in some seconds."""
    return Refusal(503, detail, headers={"Retry-After": RETRY_AFTER})


def install(app: FastAPI) -> None:
    """Let the application answer every error as a problem."""
    handlers: Mapping[type[Exception], Any] = {
        Refusal: _refused, HTTPException: _http, RequestValidationError: _invalid, StoreUnavailable: _unavailable,
    }  # fmt: skip
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)


async def _refused(_: Request, error: Refusal) -> Response:
    return problem(error)


async def _http(request: Request, error: HTTPException) -> Response:
    words = {404: "there is nothing at this path; /openapi.json lists what there is", 405: f"{request.method} is not allowed here"}
    headers = _allowed(request) or error.headers if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return problem(Refusal(error.status_code, words.get(error.status_code, str(error.detail)), headers=headers))


def _allowed(request: Request) -> dict[str, str]:
    """Every method of the path, whichever of its routes has it; of several paths that fit the plainest is meant."""
    fitting = [route for route in request.app.state.routes if route.path_regex.match(request.url.path)]
    meant = min((route.path for route in fitting), key=lambda path: path.count("{"), default="")
    methods = {method for route in fitting if route.path == meant for method in route.methods}
    return {"Allow": ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))} if methods else {}


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    errors = [{"in": str(one["loc"][0]), "name": ".".join(map(str, one["loc"][1:])), "detail": one["msg"]} for one in error.errors()]
    detail = "; ".join(f"{one['name']}: {one['detail']}" for one in errors)
    return problem(Refusal(422, detail, errors=errors))


async def _unavailable(_: Request, __: StoreUnavailable) -> Response:
    return problem(busy("the store cannot be reached now"))


class Guard:
    """
    The outermost layer: HEAD answers as GET without a body; an error of our own is logged and answered as a bare 500.

    It keeps the audit, too: a line for each call that would change something, by whose key; `auth.py` puts the key's name into the scope.
    """

    def __init__(self, app: ASGIApp, log: BoundLogger) -> None:
        self._app, self._log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send({**message, "body": b""} if head and message["type"] == "http.response.body" else message)

        # A copy: the server looks at its own scope to know that a HEAD has no body.
        inner = {**scope, "method": "GET" if head else scope["method"], CALLER: (caller := dict[str, str]())}
        try:
            await self._app(inner, receive, sent)
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 - whatever it is, the caller gets a problem and the log the rest
            self._log.exception("request failed", method=scope["method"], path=scope["path"])
            if not status:
                await problem(Refusal(500, "an error of our own; the log says more"))(inner, receive, sent)
        if caller and scope["method"] not in _READING:
            self._log.info("call", method=scope["method"], path=scope["path"][:_LONGEST], status=status, **caller)
